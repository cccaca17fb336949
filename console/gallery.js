// Thumbnails to mark by mouse or keyboard: selected or not, or (data.asks) yes, no or undecided. The marks live here and
// are sent to the server at each change; after a reload they are restored from the browser's session storage.
const CHECKED = { yes: "true", no: "false" }

class Gallery {
  constructor(root) {
    Object.assign(this, { root, page: null, marks: new Map(), last: 0 })
    root.onclick = (event) => this.#click(event)
    root.ondblclick = (event) => {
      const cell = event.target.closest(".cell")
      if (cell && !this.data.opens) this.#open(cell)
    }
    root.onkeydown = (event) => this.#key(event)
  }

  get cells() {
    return [...this.root.children]
  }

  receive(component) {
    const { data, parentElement } = component
    Object.assign(this, { component, data })
    if (this.page === data.page) return
    const kept = sessionStorage.getItem(`tagloop.${data.page}`)
    const isFirst = this.page === null
    const active = document.activeElement
    const hadFocus = this.root.contains(parentElement.activeElement ?? active)
    this.page = data.page
    this.marks = new Map(kept ? JSON.parse(kept) : data.selected.map((id) => [id, "yes"]))
    this.last = 0
    this.#draw()
    if (kept) this.#send()
    const isTyping = ["INPUT", "TEXTAREA"].includes(active?.tagName)
    if (hadFocus || (isFirst && !isTyping) || active === document.body) this.#focus(0)
  }

  #draw() {
    const { data, root } = this
    root.classList.toggle("bright", !data.dims)
    root.classList.toggle("asks", data.asks)
    root.style.setProperty("--side", `${data.side}px`)
    root.setAttribute("aria-label", data.label)
    root.replaceChildren(...data.items.map((item, n) => this.#makeCell(item, n)))
  }

  #makeCell(item, n) {
    const cell = document.createElement("div")
    cell.className = "cell"
    cell.role = this.data.opens ? "button" : "checkbox"
    cell.dataset.id = item.id
    cell.tabIndex = n ? -1 : 0
    cell.setAttribute("aria-label", [item.alt, item.caption].filter(Boolean).join(", "))
    const image = document.createElement("img")
    image.src = item.src
    image.alt = ""
    image.draggable = false
    const caption = document.createElement("span")
    caption.textContent = item.caption
    cell.append(image, caption)
    this.#paint(cell)
    return cell
  }

  #click(event) {
    const cell = event.target.closest(".cell")
    if (!cell) return
    const { cells } = this
    const at = cells.indexOf(cell)
    this.#focus(at)
    if (this.data.opens) return this.#open(cell)
    const mark = this.#nextMark(cell)
    const [from, to] = event.shiftKey ? [Math.min(at, this.last), Math.max(at, this.last)] : [at, at]
    for (const each of cells.slice(from, to + 1)) this.#set(each, mark)
    this.last = at
    this.#send()
  }

  #key(event) {
    const { cells, data } = this
    const at = cells.indexOf(event.target.closest(".cell"))
    if (at < 0 || event.ctrlKey || event.metaKey || event.altKey) return
    const row = this.#columns()
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, ArrowUp: at - row, ArrowDown: at + row, Home: 0, End: cells.length }
    if (event.key in to) this.#focus(to[event.key])
    else if (event.key === "f" || (data.opens && ["Enter", " "].includes(event.key))) this.#open(cells[at])
    else if (event.key === " ") {
      this.#set(cells[at], this.#nextMark(cells[at]))
      this.last = at
      this.#send()
    } else return
    event.preventDefault()
    event.stopPropagation()
  }

  #markOf(cell) {
    return this.marks.get(Number(cell.dataset.id))
  }

  #nextMark(cell) {
    const mark = this.#markOf(cell)
    if (mark === "yes") return this.data.asks ? "no" : null
    return mark === "no" ? null : "yes"
  }

  #set(cell, mark) {
    if (mark) this.marks.set(Number(cell.dataset.id), mark)
    else this.marks.delete(Number(cell.dataset.id))
    this.#paint(cell)
  }

  #paint(cell) {
    if (!this.data.opens) cell.setAttribute("aria-checked", CHECKED[this.#markOf(cell)] ?? (this.data.asks ? "mixed" : "false"))
  }

  #send() {
    const { data } = this
    const marked = (mark) => data.items.map((item) => item.id).filter((id) => this.marks.get(id) === mark)
    sessionStorage.setItem(`tagloop.${data.page}`, JSON.stringify([...this.marks]))
    this.component.setStateValue("marks", { page: data.page, yes: marked("yes"), no: marked("no") })
  }

  #open(cell) {
    this.component.setTriggerValue("open", Number(cell.dataset.id))
  }

  #focus(n) {
    const { cells } = this
    const at = Math.max(0, Math.min(cells.length - 1, n))
    cells.forEach((cell, i) => (cell.tabIndex = i === at ? 0 : -1))
    cells[at]?.focus({ preventScroll: false })
  }

  #columns() {
    const { cells } = this
    const n = cells.findIndex((cell) => cell.offsetTop !== cells[0].offsetTop)
    return n < 0 ? cells.length : n
  }
}

export default function receive(component) {
  const root = component.parentElement.querySelector(".gallery")
  root.tagloop ??= new Gallery(root)
  root.tagloop.receive(component)
}
