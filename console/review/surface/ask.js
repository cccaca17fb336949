// Dialogs of the surface: a note for a flag, a new tag. They belong to the picture they were opened on.
import { h } from "./dom.js"

export class Ask {
  constructor(root, words) {
    this.words = words
    this.dialog = h("dialog", { class: "tl-dialog" })
    root.append(this.dialog)
  }

  get open() {
    return this.dialog.open
  }

  flag(done) {
    const { words } = this
    const note = h("textarea", { maxlength: "500", rows: "3", placeholder: words.flagHint, "aria-label": words.flagAsk })
    this.#show(words.flagAsk, [note], words.bar.flag, () => done(note.value))
  }

  propose(name, categories, done) {
    const { words } = this
    const field = h("input", { type: "text", maxlength: "80", required: "", value: name })
    const choice = h("select", {}, ...categories.map(([id, label]) => h("option", { value: id }, label)))
    const labelled = (label, element) => h("label", {}, h("span", {}, label), element)
    const parts = [h("p", {}, words.proposeNote), labelled(words.name, field), labelled(words.category, choice)]
    this.#show(words.proposeTitle, parts, words.proposeDo, () => field.value.trim() && done(field.value.trim(), choice.value))
  }

  #show(title, parts, label, done) {
    const finish = (event) => {
      event.preventDefault()
      this.dialog.close()
      done()
    }
    const cancel = h("button", { type: "button", onclick: () => this.dialog.close() }, this.words.cancel)
    const form = h("form", { onsubmit: finish }, h("h2", {}, title), ...parts, h("div", { class: "tl-row" }, h("button", { type: "submit", class: "tl-done" }, label), cancel))
    form.onkeydown = (event) => {
      event.stopPropagation()
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit()
    }
    this.dialog.replaceChildren(form)
    this.dialog.showModal()
    form.querySelector("textarea, input")?.focus()
  }
}
