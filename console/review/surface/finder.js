// The tag search field. The server searches; the list is shown only while it matches what is typed.
import { fill, follow, h, set, text } from "./dom.js"

const WAIT = 60 // milliseconds without a key before the server is asked

export class Finder {
  /** `ask(text)` requests hits, or with null no more of them; `pick(hit)` takes one: { tags } by id, { text, isNew }, or { text } for the best match. */
  constructor(words, ask, pick) {
    Object.assign(this, { words, ask, pick, marked: 0, hits: [] })
    this.list = h("ul", { id: "tl-options", role: "listbox", "aria-label": words.find })
    this.input = h("input", {
      type: "text", role: "combobox", autocomplete: "off", spellcheck: "false", "aria-expanded": "false",
      "aria-controls": "tl-options", "aria-autocomplete": "list", placeholder: words.find, "aria-label": words.find,
      oninput: () => this.#typed(), onkeydown: (event) => this.#key(event), onfocus: () => this.#typed(),
      onblur: () => setTimeout(() => document.activeElement !== this.input && this.#close(), 150),
    })
    this.list.onmousedown = (event) => {
      event.preventDefault()
      const option = event.target.closest("li")
      if (option) this.#take(this.hits[[...this.list.children].indexOf(option)])
    }
    this.element = h("div", { class: "tl-finder" }, h("kbd", { "aria-hidden": "true" }, "/"), this.input, this.list)
  }

  get query() {
    return this.input.value.trim()
  }

  focus(placeholder) {
    set(this.input, { placeholder, "aria-label": placeholder })
    this.input.focus()
  }

  leave() {
    this.input.value = ""
    this.input.blur()
    this.#close()
    set(this.input, { placeholder: this.words.find, "aria-label": this.words.find })
  }

  /** Show what the server found for a query, if that is still what is typed. */
  receive(found) {
    if (document.activeElement !== this.input || found?.query !== this.query) return
    this.found = found
    this.hits = found.query && !found.exact ? [...found.hits, { isNew: true, text: found.query }] : found.hits
    const sure = this.hits.findIndex((hit) => !hit.typo && !hit.isNew)
    this.marked = sure === 0 && found.query ? 0 : -1
    this.#draw()
  }

  #typed() {
    clearTimeout(this.timer)
    if (this.found?.query !== this.query) this.found = null
    this.timer = setTimeout(() => document.activeElement === this.input && this.ask(this.query), WAIT)
  }

  #key(event) {
    event.stopPropagation() // typing must not trigger shortcuts
    if (event.key === "ArrowDown") this.#mark(1)
    else if (event.key === "ArrowUp") this.#mark(-1)
    else if (event.key === "Escape") this.leave()
    else if (event.key === "Enter") this.#enter()
    else return
    event.preventDefault()
  }

  #enter() {
    if (this.found && this.marked >= 0) this.#take(this.hits[this.marked])
    // Before the answer, the server takes the best match for what was typed, and refuses if there is only a similar one.
    else if (this.query && !this.found) this.#take({ text: this.query })
  }

  #take(hit) {
    if (!hit) return
    this.leave()
    this.pick(hit)
  }

  #mark(step) {
    if (!this.hits.length) return
    this.marked = (Math.max(this.marked, step < 0 ? 0 : -1) + step + this.hits.length) % this.hits.length
    this.#draw()
  }

  #close() {
    clearTimeout(this.timer)
    this.hits = []
    this.found = null
    this.ask(null)
    this.#draw()
  }

  #draw() {
    const rows = this.hits.map((hit, n) => ({ ...hit, key: hit.tags ? Object.keys(hit.tags).join() : "+", marked: n === this.marked, id: `tl-option-${n}` }))
    const make = () => h("li", { role: "option" }, h("span"), h("small"))
    follow(this.list, rows, (row) => row.key, make, (item, row) => {
      set(item, { id: row.id, "aria-selected": row.marked })
      text(item.firstElementChild, row.isNew ? fill(this.words.propose, { text: row.text }) : row.name)
      text(item.lastElementChild, row.note ?? "")
      if (row.marked) item.scrollIntoView({ block: "nearest" })
    })
    set(this.input, {
      "aria-expanded": rows.length > 0,
      "aria-activedescendant": rows.find((row) => row.marked)?.id ?? null,
    })
  }
}
