// The review surface: puts keys and clicks into acts, shows their effect at once, and hands them to the server.
import { Ask } from "./ask.js"
import { accept, add, marked, reject, stateOf, untouched } from "./card.js"
import { Deck } from "./deck.js"
import { fill, h, percent, text } from "./dom.js"
import { Finder } from "./finder.js"
import { command } from "./keys.js"
import { Outbox } from "./outbox.js"
import { Panel } from "./panel.js"
import { Picture } from "./picture.js"

const PATIENCE = 5000 // milliseconds without an answer before acts are sent again
const ASK_AGAIN = 1500 // milliseconds between questions for suggestions that were not ready
const SEEN = "tagloop.review.nothing" // "No tag applies?" was answered in this session

class Surface {
  constructor(user) {
    this.user = user
    this.deck = new Deck(new Outbox(user), sessionStorage)
    this.sent = { n: 0, at: null, when: 0, open: false }
    this.focus = null
    window.addEventListener("keydown", (event) => this.#key(event), true)
    setInterval(() => this.#tick(), 1000)
  }

  /** Draw into an element that Streamlit mounted, with what the server says. */
  receive(component) {
    const { data, parentElement } = component
    this.component = component
    this.data = data
    if (this.mount !== parentElement) this.#build(parentElement)
    const { focus } = data
    const isNew = focus.n !== this.focus && !(this.deck.at !== null && focus.asset === this.sent.at)
    this.focus = focus.n
    this.sent.open = false
    this.deck.receive(data, isNew ? focus.asset : null)
    if (this.deck.at === focus.asset) this.sent.at = focus.asset
    if (isNew && this.deck.outbox.acts.some((act) => act.asset === focus.asset)) this.#skipFinished()
    if (data.cleared && data.cleared !== this.cleared) {
      this.cleared = data.cleared
      this.deck.history = []
    }
    this.finder.receive(data.found)
    this.root.hidden = data.hidden
    this.draw()
    if (this.deck.outbox.acts.length || this.deck.at !== this.sent.at) this.send()
  }

  draw() {
    const { deck } = this
    const view = deck.view()
    const coming = deck.coming().map((id) => deck.cards.get(id))
    const refusals = deck.refusals.map((each) => ({ ...each, picture: deck.cards.get(each.asset)?.caption ?? "" }))
    this.picture.draw(view, coming, refusals)
    this.panel.draw(view, deck.tags, deck, this.data.note)
    text(this.progress, this.data.progress.words)
    this.progressBar.value = this.data.progress.share
    deck.remember()
    this.root.dataset.asset = view?.id ?? ""
    this.root.dataset.waiting = String(deck.outbox.acts.length)
    this.root.dataset.acts = String(deck.history.length)
  }

  /** Hand unanswered acts to the server; one message at a time, since the next one carries all of them again. */
  send() {
    const { sent, deck } = this
    if (sent.open && Date.now() - sent.when < PATIENCE) return
    Object.assign(sent, { n: sent.n + 1, at: deck.at, when: Date.now(), open: true })
    this.component.setStateValue("said", { n: `${this.focus}/${sent.n}`, at: deck.at, acts: deck.outbox.waiting() })
  }

  #build(parent) {
    this.mount = parent
    const { words } = this.data
    this.root = parent.querySelector(".tagloop-review")
    this.finder = new Finder(words, (query) => this.component.setStateValue("query", query), (hit) => this.#pick(hit))
    const left = h("div", { class: "tl-left" })
    const right = h("div", { class: "tl-right" })
    this.live = h("p", { class: "tl-live", role: "status", "aria-live": "polite" })
    this.progress = h("span")
    this.progressBar = h("progress", { max: "1", "aria-label": words.progress })
    right.append(h("div", { class: "tl-progress" }, this.progressBar, this.progress))
    this.root.replaceChildren(left, right, this.live)
    this.picture = new Picture(left, words, {
      visit: (asset) => this.#then(() => this.deck.visit(asset)),
      dismiss: (uid) => this.#then(() => this.deck.dismiss(uid)),
    })
    this.panel = new Panel(right, words, this.#commands(), this.finder.element)
    this.ask = new Ask(this.root, words)
    this.root.style.setProperty("--top", `${Math.round(this.root.getBoundingClientRect().top + window.scrollY)}px`)
    if (document.activeElement === document.body) this.root.focus({ preventScroll: true })
    document.documentElement.dataset.tagloop = "keys" // a browser test waits for it
  }

  #commands() {
    return {
      accept: (tag) => this.#decide((view) => accept(view, tag)),
      reject: (tag) => this.#decide((view) => reject(view, tag)),
      replace: (tag) => this.#replace(tag),
      why: (tag) => this.#open("why", tag),
      take: () => this.#run("take"),
      run: (name) => this.#run(name),
    }
  }

  #key(event) {
    if (surface !== this || !this.root?.isConnected) return
    const found = command(event)
    if (!found) return
    event.preventDefault()
    this.#run(...found)
  }

  #run(name, argument) {
    const { deck } = this
    const view = deck.view()
    if (name === "undo") return this.#undo()
    if (name === "help") return this.#open("help")
    if (name === "back") deck.back()
    if (name === "closer" || name === "farther") return this.picture.zoom(name === "closer" ? 1.3 : 1 / 1.3)
    if (view?.held ? ["take", "next", "original", "details"].includes(name) : view) this.#onCard(name, view, argument)
    this.#then(() => {})
  }

  /** Change the deck, show it, and tell the server. */
  #then(change) {
    const { deck } = this
    change()
    this.draw()
    if (deck.at !== this.sent.at || deck.outbox.acts.length) this.send()
  }

  #onCard(name, view, argument) {
    const { deck } = this
    const current = marked(view, deck.chosen, deck.tags)
    const chip = view.chips[argument]?.tag
    const commands = {
      chip: () => chip && this.#decide((card) => accept(card, chip)),
      acceptMarked: () => current && this.#decide((card) => accept(card, current)),
      rejectMarked: () => current && this.#decide((card) => reject(card, current)),
      replaceMarked: () => current && this.#replace(current),
      whyMarked: () => current && this.#open("why", current),
      up: () => this.#step(view, current, -1),
      down: () => this.#step(view, current, 1),
      done: () => this.#done(view),
      skip: () => deck.finish({ kind: "skip" }),
      next: () => deck.pass(),
      flag: () => this.#flag(),
      take: () => view.held && this.#take(),
      repeat: () => this.#repeat(view),
      find: () => this.finder.focus(this.data.words.find),
      details: () => this.#open("details"),
      original: () => this.picture.open(),
    }
    commands[name]?.()
  }

  #decide(intent) {
    const view = this.deck.view()
    if (!view || view.held) return
    const found = intent(view)
    if (found) {
      this.deck.act(found)
      this.deck.chosen = null
      this.deck.replacing = null
      this.#say(view, found)
    }
    this.draw()
    this.send()
  }

  #done(view) {
    const { deck, data } = this
    if (view.finished?.kind === "done") deck.act({ kind: "reopen" })
    else if (untouched(view) && this.asked !== view.id && !sessionStorage.getItem(SEEN)) {
      this.asked = view.id
      deck.cards.set(view.id, { ...deck.cards.get(view.id), notices: [...view.notices, data.words.nothing] })
    } else {
      if (untouched(view)) sessionStorage.setItem(SEEN, "1")
      deck.finish({ kind: "done" })
    }
  }

  #undo() {
    if (!this.deck.undo()) this.component.setTriggerValue("undo", true)
    this.draw()
    this.send()
  }

  #flag() {
    const { deck } = this
    const here = deck.at
    this.ask.flag((note) => this.#then(() => {
      deck.visit(here) // the note belongs to the picture it was written on
      deck.finish({ kind: "flag", note })
    }))
  }

  #take() {
    this.deck.act({ kind: "take" })
    this.deck.history.pop()
  }

  /** Give this picture what the one before has; each tag can be undone. */
  #repeat(view) {
    const { deck } = this
    const last = deck.view(deck.trail.at(-1))
    const tags = last ? Object.keys(last.labels).filter((tag) => last.labels[tag] === 1 && view.labels[tag] !== 1) : []
    for (const tag of tags) deck.act(add(deck.view(), tag))
  }

  #replace(tag) {
    const { deck, data } = this
    deck.replacing = deck.replacing === tag ? null : tag
    if (deck.replacing) this.finder.focus(fill(data.words.replaceBy, { tag: deck.tags[tag].name }))
    this.draw()
  }

  #pick(hit) {
    const { deck } = this
    const view = deck.view()
    if (!view) return
    if (hit.tags) {
      for (const [tag, about] of Object.entries(hit.tags)) {
        deck.tags[tag] ??= about
        this.#decide((card) => add(card, tag, deck.replacing))
      }
    } else if (hit.isNew) {
      const here = view.id
      this.ask.propose(hit.text, this.data.categories, (name, category) => {
        deck.visit(here)
        this.#decide(() => ({ kind: "propose", text: name, category }))
      })
    } else this.#decide(() => ({ kind: "type", text: hit.text, other: deck.replacing }))
  }

  #step(view, current, by) {
    const order = view.chips.map((chip) => chip.tag)
    if (order.length) this.deck.chosen = order[(order.indexOf(current) + by + order.length) % order.length]
  }

  #open(dialog, tag = null) {
    this.component.setTriggerValue("open", { dialog, asset: this.deck.at, tag })
  }

  #skipFinished() {
    if (this.deck.view()?.finished) this.deck.advance()
  }

  #say(view, act) {
    const { deck, data } = this
    const tag = act.other ?? act.tag
    const name = deck.tags[tag]?.name ?? act.text ?? ""
    const now = deck.view()
    const state = tag ? data.words.states[stateOf(now, tag, deck.tags)] : ""
    const chip = view.chips.find((each) => each.tag === tag)
    text(this.live, `${name}${chip ? ` ${percent(chip.p)}` : ""}: ${state}`)
  }

  /** Send again what got no answer, and ask for suggestions that were not ready yet. */
  #tick() {
    if (surface !== this || !this.root?.isConnected) return
    const overdue = this.deck.outbox.acts.length && Date.now() - this.sent.when > PATIENCE
    if (overdue || (this.data.partial && Date.now() - this.sent.when > ASK_AGAIN)) this.send()
  }
}

let surface = null // outlives remounts of the component, so that no key is lost meanwhile

export default function receive(component) {
  if (surface?.user !== component.data.user) surface = new Surface(component.data.user)
  surface.receive(component)
}
