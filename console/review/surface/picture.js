// The stage: the picture in focus, to zoom and pan, and the strip of pictures that come next.
import { fill, follow, h, set, text } from "./dom.js"

const AHEAD = 4 // pictures fetched and decoded early
const STRIP = 6 // places of the strip, filled or not: nothing moves when the deck runs low
const STEP = 1.3
const MOST = 12

export class Picture {
  /** `commands`: visit(asset) shows a picture, dismiss(uid) forgets a refusal. */
  constructor(root, words, commands) {
    Object.assign(this, { words, commands })
    this.images = new Map() // decoded images by address
    this.link = h("a", { target: "_blank", rel: "noreferrer", class: "tl-open" })
    this.notices = h("div", { class: "tl-notices", role: "status" })
    this.strip = h("ol", { class: "tl-strip", "aria-label": words.coming })
    this.caption = h("p", { class: "tl-caption" })
    this.stage = h("div", { class: "tl-stage" }, this.link, this.notices)
    root.append(this.stage, h("div", { class: "tl-under" }, this.caption, this.strip))
    this.#reset()
    this.#listen()
  }

  draw(view, coming, refusals) {
    if (!view) {
      this.link.replaceChildren()
      this.link.removeAttribute("href")
      this.shown = null
    } else {
      if (this.shown !== view.id) this.#show(view)
      this.link.firstElementChild.alt = view.alt
    }
    text(this.caption, view ? view.caption : "")
    this.#drawNotices(view, refusals)
    this.#drawStrip(coming)
    this.#fetch(coming.slice(0, AHEAD))
  }

  /** Zoom by a factor around a point of the stage, by default its centre. */
  zoom(factor, x = this.stage.clientWidth / 2, y = this.stage.clientHeight / 2) {
    const scale = Math.min(MOST, Math.max(1, this.scale * factor))
    const [dx, dy] = [x - this.stage.clientWidth / 2, y - this.stage.clientHeight / 2]
    this.x = scale === 1 ? 0 : dx - ((dx - this.x) * scale) / this.scale
    this.y = scale === 1 ? 0 : dy - ((dy - this.y) * scale) / this.scale
    this.scale = scale
    this.#place()
  }

  open() {
    if (this.link.href) window.open(this.link.href, "_blank", "noreferrer")
  }

  #show(view) {
    this.shown = view.id
    const image = this.images.get(view.screen) ?? this.#load(view.screen)
    this.#reset()
    image.dataset.asset = view.id
    this.link.href = view.original
    this.link.replaceChildren(image)
    this.#place()
  }

  #load(address) {
    const image = h("img", { draggable: "false", alt: "" })
    image.src = address
    image.decode?.().catch(() => {}) // decoded before it is shown, so that it appears within a frame
    this.images.set(address, image)
    return image
  }

  #fetch(coming) {
    for (const card of coming) if (!this.images.has(card.screen)) this.#load(card.screen)
    for (const address of [...this.images.keys()].slice(0, Math.max(0, this.images.size - 24)))
      if (!this.images.get(address).isConnected) this.images.delete(address)
  }

  #drawStrip(coming) {
    const places = [...Array(STRIP).keys()].map((place) => coming[place] ?? { id: `empty${place}` })
    follow(
      this.strip,
      places,
      (card) => card.id,
      (card) => h("li", {}, card.thumbnail && h("img", { src: card.thumbnail, alt: card.alt })),
      () => {},
    )
  }

  #drawNotices(view, refusals) {
    const { words } = this
    const own = view ? view.notices.map((notice) => ({ key: notice, words: notice, kind: "note" })) : []
    const finished = view?.finished
    if (finished) {
      const minutes = Math.max(0, Math.round((Date.now() / 1000 - finished.at) / 60))
      const ago = minutes < 1 ? words.now : minutes < 60 ? fill(words.minutes, { n: minutes }) : finished.when || ""
      const by = finished.own ? words.you : finished.by
      const message = fill(words.finished[finished.kind], { by, ago })
      own.unshift({ key: "finished", words: message, kind: "finished" })
    }
    const refused = refusals.map((refusal) => {
      const isHere = refusal.asset === view?.id
      const message = fill(isHere ? words.refused : words.refusedElsewhere, refusal)
      return { key: `${refusal.uid} ${isHere}`, words: message, kind: "refused", refusal: { ...refusal, isHere } }
    })
    const make = (notice) => h("div", {}, h("span"), ...(notice.refusal ? this.#buttons(notice.refusal) : []))
    follow(this.notices, [...refused, ...own], (notice) => notice.key, make, (element, notice) => {
      set(element, { class: `tl-notice tl-${notice.kind}` })
      text(element.firstElementChild, notice.words)
    })
  }

  #buttons({ uid, asset, isHere }) {
    const { words, commands } = this
    const button = (label, onclick) => h("button", { type: "button", onclick }, label)
    const close = button(words.close, () => commands.dismiss(uid))
    return isHere ? [close] : [button(words.show, () => commands.visit(asset)), close]
  }

  #reset() {
    Object.assign(this, { scale: 1, x: 0, y: 0 })
  }

  #place() {
    const image = this.link.firstElementChild
    if (!image) return
    const moved = this.scale > 1
    image.style.transform = moved ? `translate(${this.x}px, ${this.y}px) scale(${this.scale})` : ""
    this.stage.classList.toggle("tl-zoomed", moved)
  }

  #listen() {
    const { stage } = this
    const point = (event) => [event.clientX - stage.getBoundingClientRect().left, event.clientY - stage.getBoundingClientRect().top]
    stage.addEventListener("wheel", (event) => {
      event.preventDefault()
      this.zoom(event.deltaY < 0 ? STEP : 1 / STEP, ...point(event))
    }, { passive: false })
    stage.ondblclick = (event) => this.zoom(this.scale > 1 ? 0 : 2.5, ...point(event))
    // A click is for zooming and panning; the link serves the keyboard, and a click with Ctrl.
    this.link.onclick = (event) => event.detail && !event.ctrlKey && !event.metaKey && event.preventDefault()
    stage.onpointerdown = (event) => {
      if (this.scale === 1 || event.button) return
      stage.setPointerCapture(event.pointerId)
      this.drag = { x: event.clientX - this.x, y: event.clientY - this.y }
    }
    stage.onpointermove = (event) => {
      if (!this.drag) return
      Object.assign(this, { x: event.clientX - this.drag.x, y: event.clientY - this.drag.y })
      this.#place()
    }
    stage.onpointerup = stage.onpointercancel = () => (this.drag = null)
  }
}
