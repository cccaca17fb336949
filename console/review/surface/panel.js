// The right-hand side: suggestions by category, likely tags of exclusive categories, what else is decided, the keys.
import { marked, stateOf } from "./card.js"
import { fill, follow, h, percent, set, text } from "./dom.js"

const SIGNS = { yes: "✓", no: "✕", out: "⊘", open: "" }

export class Panel {
  /** `commands` maps names to functions: accept(tag), reject(tag), replace(tag), why(tag), take(), run(name). */
  constructor(root, words, commands, finder) {
    Object.assign(this, { words, commands })
    this.empty = h("p", { class: "tl-empty" })
    this.chips = h("ul", { class: "tl-chips", "aria-label": words.suggestions })
    this.choices = h("ul", { class: "tl-choices", "aria-label": words.likely })
    this.decided = h("ul", { class: "tl-decided", "aria-label": words.decided })
    this.held = h("div", { class: "tl-held" })
    this.body = h("div", { class: "tl-body" }, this.held, this.empty, this.chips, this.choices, this.decided)
    this.bar = h("div", { class: "tl-bar", role: "toolbar", "aria-label": words.picture })
    for (const [name, key] of [["done", "D"], ["skip", "S"], ["flag", "F"], ["undo", "Z"], ["back", "←"], ["next", "→"], ["details", "I"]])
      this.bar.append(this.#button(words.bar[name], key, () => commands.run(name), `tl-${name}`, words.help[name]))
    root.append(this.body, finder, this.bar)
  }

  draw(view, tags, deck, note) {
    const held = view?.held
    this.bar.classList.toggle("tl-off", !view || Boolean(held))
    this.chips.hidden = this.choices.hidden = this.decided.hidden = !view || Boolean(held)
    this.#drawHeld(held)
    text(this.empty, !view ? this.words.loading : held ? "" : view.empty || note)
    if (!view || held) return
    const current = marked(view, deck.chosen, tags)
    this.#drawChips(view, tags, current, deck.replacing)
    this.#drawChoices(view, tags)
    this.#drawDecided(view, tags)
  }

  #button(label, key, onclick, kind, title) {
    return h("button", { type: "button", class: kind, onclick, title }, key && h("kbd", { "aria-hidden": "true" }, key), h("span", {}, label))
  }

  #drawHeld(held) {
    if (!held) return this.held.replaceChildren()
    if (this.held.dataset.by === held && this.held.children.length) return
    this.held.dataset.by = held
    const take = this.#button(this.words.take, "T", () => this.commands.take(), "tl-take", this.words.help.take)
    this.held.replaceChildren(h("p", {}, fill(this.words.held, { by: held })), take)
  }

  #drawChips(view, tags, current, replacing) {
    let group = null
    const rows = view.chips.map((chip, n) => {
      const { name, group: own, help } = tags[chip.tag]
      const heading = own === group ? "" : own
      group = own
      return { ...chip, name, help, heading, digit: n < 9 ? n + 1 : "", state: stateOf(view, chip.tag, tags) }
    })
    follow(this.chips, rows, (row) => row.tag, (row) => this.#makeChip(row.tag), (item, row) => {
      const [heading, line] = item.children
      text(heading, row.heading)
      heading.hidden = !row.heading
      const isMarked = row.tag === current
      set(line, { "data-state": row.state, "data-marked": isMarked, style: `--p: ${Math.round(row.p * 100)}%` })
      const [yes, no, replace, why] = line.children
      const [digit, sign, name, share] = yes.children
      text(digit, String(row.digit))
      text(sign, SIGNS[row.state])
      text(name, row.name)
      text(share, percent(row.p))
      const { words } = this
      set(yes, {
        "aria-pressed": row.state === "yes",
        "aria-label": `${row.name}, ${percent(row.p)}, ${words.states[row.state]}`,
        "aria-keyshortcuts": row.digit || null,
        title: row.help,
      })
      const names = { tag: row.name }
      set(no, { "aria-pressed": row.state === "no", "aria-label": fill(words.not, names), title: fill(words.not, names) })
      set(replace, { "aria-pressed": replacing === row.tag, "aria-label": fill(words.replace, names), title: fill(words.replace, names) })
      set(why, { "aria-label": fill(words.why, names), title: fill(words.why, names) })
    })
  }

  #makeChip(tag) {
    const { commands } = this
    const act = (key, sign, onclick) => h("button", { type: "button", class: "tl-act", onclick }, h("kbd", {}, key), h("span", {}, sign))
    return h(
      "li",
      {},
      h("h3"),
      h(
        "div",
        { class: "tl-chip", "data-tag": tag },
        h("button", { type: "button", class: "tl-yes", onclick: () => commands.accept(tag) },
          h("kbd"), h("span", { class: "tl-sign" }), h("span", { class: "tl-name" }), h("span", { class: "tl-share" })),
        act("X", "✕", () => commands.reject(tag)),
        act("E", "⇄", () => commands.replace(tag)),
        act("W", "?", () => commands.why(tag)),
      ),
    )
  }

  #drawChoices(view, tags) {
    const elsewhere = new Set([...Object.keys(view.labels), ...view.chips.map((chip) => chip.tag)])
    const isOpen = (choice) => !Object.keys(view.labels).some((t) => view.labels[t] === 1 && tags[t]?.exclusive === choice.category)
    const open = view.choices
      .map((choice) => ({ ...choice, tags: choice.tags.filter(([tag]) => !elsewhere.has(tag)) }))
      .filter((choice) => choice.tags.length && isOpen(choice))
    follow(this.choices, open, (choice) => choice.category, () => h("li", {}, h("h3"), h("span", { class: "tl-options" }), h("small")), (item, choice) => {
      const [heading, options, note] = item.children
      text(heading, choice.name)
      text(note, choice.note)
      follow(options, choice.tags, ([tag]) => tag, ([tag]) => this.#button("", "", () => this.commands.accept(tag), "tl-choice", ""), (button, [tag, p]) =>
        text(button.lastElementChild, `${tags[tag].name} ${percent(p)}`))
    })
  }

  #drawDecided(view, tags) {
    const chips = new Set(view.chips.map((chip) => chip.tag))
    const rest = Object.entries(view.labels).filter(([tag]) => !chips.has(tag) && tags[tag])
    const rows = [
      ...rest.map(([tag, value]) => ({ key: tag, tag, words: tags[tag].name, state: value ? "yes" : "no" })),
      ...view.typed.map((words, n) => ({ key: `typed${n}`, words: `${words} …`, state: "yes" })),
    ]
    this.decided.hidden = !rows.length
    const make = () => h("li", {}, h("button", { type: "button" }, h("span", { class: "tl-sign" }), h("span")))
    follow(this.decided, rows, (row) => row.key, make, (item, row) => {
      const button = item.firstElementChild
      set(button, {
        "data-state": row.state,
        "data-tag": row.tag ?? null,
        title: this.words.help.clear,
        onclick: () => row.tag && (row.state === "yes" ? this.commands.accept(row.tag) : this.commands.reject(row.tag)),
      })
      text(button.firstElementChild, SIGNS[row.state])
      text(button.lastElementChild, row.words)
    })
  }
}
