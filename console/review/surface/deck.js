// The pictures before an editor: which one is in focus, which come next, which were left. Knows no DOM.
import { before, withActs } from "./card.js"
import { newUid } from "./outbox.js"

const MOST_CARDS = 300 // kept for going back
const MOST_REMEMBERED = 200 // acts and pictures, over a reload

export class Deck {
  /** `memory` is kept over a reload, such as `sessionStorage`. */
  constructor(outbox, memory, now = () => Date.now()) {
    Object.assign(this, { outbox, memory, now })
    this.cards = new Map()
    this.tags = {}
    this.order = [] // ids as dealt
    this.left = new Set() // passed or finished here, until the server deals without them
    this.place = `tagloop.review.${outbox.user}`
    const { trail = [], history = [] } = JSON.parse(memory.getItem(this.place) ?? "{}")
    this.trail = trail // pictures that were in focus, latest last
    this.history = history // own acts that can be undone, latest last
    this.refusals = [] // { uid, asset, message }, until the editor closes them
    this.at = null
    this.since = 0
    this.chosen = null // the chip marked by hand
    this.replacing = null
  }

  /** Keep what going back and undoing need over a reload. */
  remember() {
    const [trail, history] = [this.trail.slice(-MOST_REMEMBERED), this.history.slice(-MOST_REMEMBERED)]
    try {
      this.memory.setItem(this.place, JSON.stringify({ trail, history }))
    } catch {
      // Storage is full or forbidden: a reload forgets them.
    }
  }

  /** The card in focus with unanswered acts applied; undefined while it is being fetched. */
  view(id = this.at) {
    const card = this.cards.get(id)
    return card && withActs(card, this.outbox.acts, this.tags)
  }

  /** Ids of the pictures that come next, the nearest first. */
  coming() {
    return this.order.filter((id) => id !== this.at && !this.left.has(id) && this.cards.has(id))
  }

  /** Put a picture into focus. */
  show(id) {
    if (id === this.at) return
    Object.assign(this, { at: id, since: this.now(), chosen: null, replacing: null })
  }

  /** Record an act on the picture in focus; returns it. */
  act(act) {
    const view = this.view()
    const full = {
      ...act,
      uid: newUid(),
      asset: view.id,
      token: view.token,
      at: this.now() + this.outbox.acts.length / 1000,
      seconds: Math.round((this.now() - this.since) / 100) / 10,
    }
    this.history.push({ uid: full.uid, asset: view.id, token: view.token, restores: before(view, full, this.tags) })
    this.outbox.add(full)
    return full
  }

  /** Finish the picture in focus, or pass it over, and go on to the next. */
  finish(act) {
    this.act(act)
    this.advance()
  }

  /** Go on without a decision; the picture comes again later. */
  pass() {
    const view = this.view()
    if (view && this.order.includes(view.id)) {
      this.act({ kind: "pass" })
      this.history.pop() // going on is no decision
    }
    this.advance()
  }

  advance() {
    if (this.at !== null) {
      this.trail.push(this.at)
      this.left.add(this.at)
    }
    this.show(this.coming()[0] ?? null)
  }

  /** Go back to the picture that was in focus before. */
  back() {
    const id = this.trail.pop()
    if (id === undefined) return
    this.left.delete(this.at)
    this.show(id)
  }

  /** Undo the latest own act and show its picture; null if this page knows of none. */
  undo() {
    const last = this.history.pop()
    if (!last) return null
    const here = this.at
    if (last.asset !== here) {
      this.left.delete(here)
      this.trail = this.trail.filter((id) => id !== last.asset)
      this.show(last.asset)
    }
    const { uid: target, asset, token, restores } = last
    const act = { kind: "undo", target, asset, token, restores, uid: newUid() }
    this.outbox.add({ ...act, at: this.now() + this.outbox.acts.length / 1000 })
    return act
  }

  /** Show a picture out of turn, such as one on which an act was refused. */
  visit(id) {
    if (this.at !== null && id !== this.at) this.trail.push(this.at)
    this.show(id)
  }

  /** Forget a refusal that the editor has read. */
  dismiss(uid) {
    this.refusals = this.refusals.filter((refusal) => refusal.uid !== uid)
  }

  /** Take over what the server says: answers, fresh cards, the deal, and the picture it wants in focus. */
  receive(data, asked) {
    Object.assign(this.tags, data.tags)
    const answered = this.outbox.answered(Object.keys(data.answers))
    for (const act of answered) {
      const refusal = data.answers[act.uid]
      if (refusal) this.#refuse(act, refusal)
      else if (this.cards.has(act.asset)) this.cards.set(act.asset, withActs(this.cards.get(act.asset), [act], this.tags))
    }
    for (const card of data.cards) {
      this.cards.delete(card.id) // the latest is last
      this.cards.set(card.id, card)
    }
    for (const id of [...this.cards.keys()].slice(0, Math.max(0, this.cards.size - MOST_CARDS))) this.cards.delete(id)
    this.order = data.deck
    const waiting = new Set(this.outbox.acts.map((act) => act.asset))
    for (const id of [...this.left]) if (data.deck.includes(id) && !waiting.has(id)) this.left.delete(id)
    if (asked !== null) this.show(asked)
    else if (this.at === null) this.show(this.coming()[0] ?? null)
  }

  #refuse(act, message) {
    this.refusals.push({ uid: act.uid, asset: act.asset, message })
    this.history = this.history.filter((each) => each.uid !== act.uid)
    this.left.delete(act.asset)
  }
}
