// What a card looks like with acts the server has not answered yet, and which act a key means on it. Pure functions.

const CLOSING = ["done", "skip", "flag"]

/** The card with acts applied in order; acts on other pictures are ignored. */
export function withActs(card, acts, tags) {
  const labels = { ...card.labels }
  const typed = []
  let finished = card.finished
  for (const act of acts) {
    if (act.asset !== card.id) continue
    if (act.kind === "accept" || act.kind === "add") {
      const other = rival({ labels }, act.tag, tags)
      if (other) labels[other] = 0 // as the server will
      labels[act.tag] = 1
    }
    if (act.kind === "reject") labels[act.tag] = 0
    else if (act.kind === "replace") Object.assign(labels, { [act.tag]: 0, [act.other]: 1 })
    else if (act.kind === "clear") delete labels[act.tag]
    else if (act.kind === "type" || act.kind === "propose") typed.push(act)
    else if (act.kind === "reopen") finished = null
    else if (CLOSING.includes(act.kind)) finished = { kind: act.kind, own: true, at: act.at / 1000 }
    else if (act.kind === "undo") {
      for (const [tag, value] of Object.entries(act.restores?.labels ?? {})) {
        if (value === null) delete labels[tag]
        else labels[tag] = value
      }
      if (act.restores) finished = act.restores.finished
      const place = typed.findIndex((each) => each.uid === act.target)
      if (place >= 0) typed.splice(place, 1)
    }
  }
  return { ...card, labels, finished, typed: typed.map((act) => act.text) }
}

/** What an act changes, as it was before: an undo restores it. */
export function before(view, act, tags) {
  const touched = [act.tag, act.other, act.tag && rival(view, act.tag, tags)].filter(Boolean)
  return { labels: Object.fromEntries(touched.map((tag) => [tag, view.labels[tag] ?? null])), finished: view.finished }
}

/** The accepted tag that excludes a tag, being of the same exclusive category; undefined if there is none. */
export function rival(view, tag, tags) {
  const category = tags[tag]?.exclusive
  if (!category) return undefined
  return Object.keys(view.labels).find((t) => t !== tag && view.labels[t] === 1 && tags[t]?.exclusive === category)
}

/** "yes", "no", "out" (another tag of the category is accepted) or "open". */
export function stateOf(view, tag, tags) {
  if (view.labels[tag] === 1) return "yes"
  if (view.labels[tag] === 0) return "no"
  return rival(view, tag, tags) ? "out" : "open"
}

/** The act that accepts a tag, or takes its acceptance back; the server replaces an accepted rival. */
export function accept(view, tag) {
  if (view.labels[tag] === 1) return { kind: "clear", tag }
  return { kind: view.chips.some((chip) => chip.tag === tag) ? "accept" : "add", tag }
}

/** The act that rejects a tag, or takes its rejection back. */
export function reject(view, tag) {
  return { kind: view.labels[tag] === 0 ? "clear" : "reject", tag }
}

/** The act that adds a tag from the search field; null if the picture has it already. */
export function add(view, tag, replacing) {
  if (replacing && replacing !== tag) return { kind: "replace", tag: replacing, other: tag }
  return view.labels[tag] === 1 ? null : accept(view, tag)
}

/** The chip that the keys A, X, E and W act on: the one marked by hand, else the first open one. */
export function marked(view, chosen, tags) {
  if (view.chips.some((chip) => chip.tag === chosen)) return chosen
  return view.chips.find((chip) => stateOf(view, chip.tag, tags) === "open")?.tag
}

/** Whether nothing was decided about any tag. */
export function untouched(view) {
  return Object.keys(view.labels).length === 0 && view.typed.length === 0
}
