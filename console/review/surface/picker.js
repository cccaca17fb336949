// The tag search field of group mode: the same as the surface's, without a deck.
import { Finder } from "./finder.js"

let picker = null

export default function receive(component) {
  const { data, parentElement } = component
  if (picker?.mount !== parentElement) {
    const ask = (query) => picker.component.setStateValue("query", query)
    const pick = ({ tags, text, isNew }) => picker.component.setTriggerValue("pick", { tags: Object.keys(tags ?? {}), text: text ?? "", isNew: Boolean(isNew) })
    picker = { mount: parentElement, finder: new Finder(data.words, ask, pick) }
    parentElement.querySelector(".tl-base").replaceChildren(picker.finder.element)
  }
  picker.component = component
  picker.finder.receive(data.found)
}
