// Thumbnails to select by mouse or keyboard. The selection lives here and is sent to the server at each change;
// after a reload it is restored from the browser's session storage.
const typing = () => ["INPUT", "TEXTAREA"].includes(document.activeElement?.tagName)
const columns = (cells) => {
  const top = cells[0].offsetTop
  const n = cells.findIndex((cell) => cell.offsetTop !== top)
  return n < 0 ? cells.length : n
}

export default function (component) {
  const { parentElement, data, setStateValue, setTriggerValue } = component
  const root = parentElement.querySelector(".gallery")
  const memory = `tagloop.${data.page}`
  const state = (root.tagloop ??= { page: null, selected: new Set(), last: 0 })

  const send = () => {
    const ids = data.items.map((item) => item.id).filter((id) => state.selected.has(id))
    sessionStorage.setItem(memory, JSON.stringify(ids))
    setStateValue("selected", { page: data.page, ids })
  }
  const paint = (cell) => data.opens || cell.setAttribute("aria-checked", String(state.selected.has(Number(cell.dataset.id))))
  const set = (cell, on) => {
    state.selected[on ? "add" : "delete"](Number(cell.dataset.id))
    paint(cell)
  }
  const cells = () => [...root.children]
  const focus = (n) => {
    const all = cells()
    const at = Math.max(0, Math.min(all.length - 1, n))
    all.forEach((cell, i) => (cell.tabIndex = i === at ? 0 : -1))
    all[at]?.focus({ preventScroll: false })
  }

  if (state.page !== data.page) {
    const kept = sessionStorage.getItem(memory)
    const had = root.contains(parentElement.activeElement ?? document.activeElement)
    const first = state.page === null
    Object.assign(state, { page: data.page, selected: new Set(kept ? JSON.parse(kept) : data.selected), last: 0 })
    root.classList.toggle("bright", !data.dims)
    root.style.setProperty("--side", `${data.side}px`)
    root.setAttribute("aria-label", data.label)
    root.replaceChildren(
      ...data.items.map((item, i) => {
        const cell = document.createElement("div")
        cell.className = "cell"
        cell.role = data.opens ? "button" : "checkbox"
        cell.dataset.id = item.id
        cell.tabIndex = i ? -1 : 0
        cell.setAttribute("aria-label", [item.alt, item.caption].filter(Boolean).join(", "))
        const image = document.createElement("img")
        image.src = item.src
        image.alt = ""
        image.draggable = false
        const caption = document.createElement("span")
        caption.textContent = item.caption
        cell.append(image, caption)
        paint(cell)
        return cell
      }),
    )
    if (kept) send()
    if (had || (first && !typing()) || document.activeElement === document.body) focus(0)
  }

  root.onclick = (event) => {
    const cell = event.target.closest(".cell")
    if (!cell) return
    const all = cells()
    const at = all.indexOf(cell)
    if (data.opens) return focus(at), setTriggerValue("open", Number(cell.dataset.id))
    const on = !state.selected.has(Number(cell.dataset.id))
    const [from, to] = event.shiftKey ? [Math.min(at, state.last), Math.max(at, state.last)] : [at, at]
    all.slice(from, to + 1).forEach((each) => set(each, on))
    state.last = at
    focus(at)
    send()
  }
  root.ondblclick = (event) => {
    const cell = event.target.closest(".cell")
    if (cell && !data.opens) setTriggerValue("open", Number(cell.dataset.id))
  }
  root.onkeydown = (event) => {
    const all = cells()
    const at = all.indexOf(event.target.closest(".cell"))
    if (at < 0 || event.ctrlKey || event.metaKey || event.altKey) return
    const row = columns(all)
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, ArrowUp: at - row, ArrowDown: at + row, Home: 0, End: all.length }
    if (event.key in to) focus(to[event.key])
    else if (data.opens && ["Enter", " "].includes(event.key)) setTriggerValue("open", Number(all[at].dataset.id))
    else if (event.key === " ") {
      set(all[at], !state.selected.has(Number(all[at].dataset.id)))
      state.last = at
      send()
    } else if (event.key === "f") setTriggerValue("open", Number(all[at].dataset.id))
    else return
    event.preventDefault()
    event.stopPropagation()
  }
}
