-- A page's tables scroll inside themselves, and a phone has a table of contents too.
local function text_of(inlines) return pandoc.utils.stringify(inlines) end

local function named(cell)
  if text_of(cell.contents) == "" then
    cell.contents = { pandoc.Plain({ pandoc.Span("row", { class = "visually-hidden" }) }) }
  end
end

local function scrolling(el)
  for _, spec in ipairs(el.colspecs) do spec[2] = nil end  -- as wide as its words ask
  for _, row in ipairs(el.head.rows) do
    for _, cell in ipairs(row.cells) do named(cell) end
  end
  local label = text_of(el.caption and el.caption.long or {})
  if label == "" then label = "Table" end
  return pandoc.Div({ el }, pandoc.Attr("", { "table-scroll" },
    { role = "group", tabindex = "0", ["aria-label"] = label }))
end

local function contents(doc)
  local items = pandoc.List()
  doc.blocks:walk({ Header = function(h)
    if h.level == 2 and h.identifier ~= "" then
      items:insert({ pandoc.Plain({ pandoc.Link(h.content, "#" .. h.identifier) }) })
    end
  end })
  if #items < 2 then return nil end
  return pandoc.Div({
    pandoc.RawBlock("html", '<details><summary>On this page</summary>'),
    pandoc.BulletList(items),
    pandoc.RawBlock("html", "</details>"),
  }, pandoc.Attr("", { "page-contents" }))
end

function Pandoc(doc)
  local first = contents(doc)
  doc = doc:walk({ Table = scrolling })
  if first then doc.blocks:insert(1, first) end
  return doc
end
