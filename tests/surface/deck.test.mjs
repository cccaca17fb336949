// What the surface shows and sends, without a browser: `node --test tests/surface/`.
import assert from "node:assert/strict"
import { test } from "node:test"

import { accept, add, marked, reject, stateOf, untouched, withActs } from "../../console/review/surface/card.js"
import { Deck } from "../../console/review/surface/deck.js"
import { Outbox } from "../../console/review/surface/outbox.js"

class Memory {
  #items = new Map()
  get length() {
    return this.#items.size
  }
  key(n) {
    return [...this.#items.keys()][n]
  }
  getItem(key) {
    return this.#items.get(key) ?? null
  }
  setItem(key, value) {
    this.#items.set(key, value)
  }
  removeItem(key) {
    this.#items.delete(key)
  }
}

const TAGS = {
  dress: { name: "Dress", exclusive: "garment" },
  shirt: { name: "Shirt", exclusive: "garment" },
  red: { name: "Red", exclusive: null },
}
const card = (id, more = {}) => ({
  id, token: `token${id}`, chips: [{ tag: "dress", p: 0.9 }, { tag: "red", p: 0.4 }], labels: {}, finished: null,
  notices: [], choices: [], ...more,
})
const answer = (cards, answers = {}) => ({ tags: TAGS, answers, cards, deck: cards.map((each) => each.id) })

function deal(...ids) {
  const local = new Memory()
  const deck = new Deck(new Outbox("Ann", local), new Memory(), () => 1000)
  deck.receive(answer(ids.map((id) => card(id))), ids[0])
  return { deck, local }
}

test("an act shows at once and stays until the server has answered", () => {
  const { deck } = deal(1, 2)
  const act = deck.act(accept(deck.view(), "dress"))
  assert.equal(deck.view().labels.dress, 1)
  deck.receive(answer([card(1), card(2)]), null) // an answer to an earlier message
  assert.equal(deck.view().labels.dress, 1)
  deck.receive(answer([card(1, { labels: { dress: 1 } }), card(2)], { [act.uid]: "" }), null)
  assert.deepEqual(deck.outbox.acts, [], TAGS)
  assert.equal(deck.view().labels.dress, 1)
})

test("two keys before an answer are two acts, each on the picture that was on the screen", () => {
  const { deck } = deal(1, 2, 3)
  for (const _ of [1, 2]) {
    deck.act(accept(deck.view(), "dress"))
    deck.finish({ kind: "done" })
  }
  assert.deepEqual(deck.outbox.acts.map((act) => [act.asset, act.kind]), [[1, "accept"], [1, "done"], [2, "accept"], [2, "done"]])
  assert.equal(deck.at, 3)
})

test("acts survive a reload in their order, and another user does not get them", () => {
  const { deck, local } = deal(1, 2)
  deck.act(accept(deck.view(), "dress"))
  deck.act(reject(deck.view(), "red"))
  const kinds = new Outbox("Ann", local).acts.map((act) => act.kind)
  assert.deepEqual(kinds, ["accept", "reject"])
  assert.deepEqual(new Outbox("Bob", local).acts, [], TAGS)
})

test("undo restores what was there before, also after a reload", () => {
  const { deck, local } = deal(1, 2)
  const done = [deck.act(reject(deck.view(), "dress")), deck.act(accept(deck.view(), "dress"))]
  deck.finish({ kind: "done" })
  deck.remember()
  const again = new Deck(new Outbox("Ann", local), deck.memory, () => 2000)
  again.receive(answer([card(1), card(2)]), 2)
  again.undo()
  assert.equal(again.at, 1)
  assert.equal(again.view().finished, null)
  assert.equal(again.view().labels.dress, 1)
  again.undo()
  assert.equal(again.view().labels.dress, 0)
  assert.equal(again.outbox.acts.at(-1).target, done[1].uid)
})

test("a refused act comes back to its picture with the reason", () => {
  const { deck } = deal(1, 2)
  const act = deck.act(accept(deck.view(), "dress"))
  deck.receive(answer([card(1), card(2)], { [act.uid]: "Bob has it." }), null)
  assert.deepEqual(deck.refusals, [{ uid: act.uid, asset: 1, message: "Bob has it." }])
  deck.advance()
  deck.visit(1)
  assert.equal(deck.at, 1)
  deck.dismiss(act.uid)
  assert.deepEqual(deck.refusals, [])
  assert.equal(deck.view().labels.dress, undefined)
  assert.equal(deck.undo(), null)
})

test("a picture that was passed over is shown again when it is dealt again", () => {
  const { deck } = deal(1, 2)
  deck.pass()
  const [pass] = deck.outbox.acts
  assert.deepEqual([pass.kind, deck.at], ["pass", 2])
  deck.receive({ ...answer([card(2), card(1)], { [pass.uid]: "" }) }, null)
  deck.finish({ kind: "done" })
  assert.equal(deck.at, 1)
})

test("finished pictures are passed one by one when they are looked through", () => {
  const finished = { kind: "done", by: "Ann", own: true, at: 0 }
  const { deck } = deal(1, 2, 3)
  const cards = [1, 2, 3].map((id) => card(id, { finished }))
  deck.receive(answer(cards), null)
  deck.pass()
  const [act] = deck.outbox.acts
  assert.deepEqual([act.kind, act.asset, deck.at], ["pass", 1, 2])
  deck.receive(answer([cards[1], cards[2], cards[0]], { [act.uid]: "" }), null)
  deck.pass()
  assert.equal(deck.at, 3)
})

test("what one user did is not another's to undo", () => {
  const { deck } = deal(1, 2)
  deck.act(accept(deck.view(), "dress"))
  deck.remember()
  assert.deepEqual(new Deck(new Outbox("Bob", new Memory()), deck.memory).history, [])
})

test("the deck runs out and goes on with what is dealt later", () => {
  const { deck } = deal(1)
  deck.finish({ kind: "done" })
  assert.equal(deck.view(), undefined)
  deck.receive(answer([card(5)], { [deck.outbox.acts[0].uid]: "" }), null)
  assert.equal(deck.at, 5)
})

test("accepting a tag of an exclusive category rules out the accepted one, and undo restores both", () => {
  const { deck } = deal(1, 2)
  deck.act(add(deck.view(), "shirt", null))
  assert.equal(stateOf(deck.view(), "dress", TAGS), "out")
  assert.equal(marked(deck.view(), null, TAGS), "red")
  deck.act(accept(deck.view(), "dress"))
  assert.deepEqual(deck.view().labels, { shirt: 0, dress: 1 })
  deck.undo()
  assert.deepEqual(deck.view().labels, { shirt: 1 })
})

test("what is on the picture is not added again, and a replacement is one act", () => {
  const view = withActs(card(1, { labels: { red: 1 } }), [], TAGS)
  assert.equal(add(view, "red", null), null)
  assert.deepEqual(add(view, "red", "dress"), { kind: "replace", tag: "dress", other: "red" })
  assert.deepEqual(add(withActs(card(1), [], TAGS), "shirt", null), { kind: "add", tag: "shirt" })
})

test("typed text shows while its tag is not known, and counts as decided", () => {
  const view = withActs(card(1), [{ kind: "type", asset: 1, text: "dress", uid: "a" }], TAGS)
  assert.deepEqual(view.typed, ["dress"])
  assert.equal(untouched(view), false)
  const undone = withActs(card(1), [{ kind: "type", asset: 1, text: "dress", uid: "a" }, { kind: "undo", asset: 1, target: "a", restores: { labels: {}, finished: null } }], TAGS)
  assert.deepEqual(undone.typed, [], TAGS)
})
