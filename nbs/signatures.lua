-- nbdev writes a class that its notebook defines as __main__.RNN in a signature. On the page it is RNN.
function CodeBlock(block)
  block.text = block.text:gsub("__main__%.", "")
  return block
end
