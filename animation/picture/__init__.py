"""What is on stage: ops, cards, lines, words and insets, each from what it stands for to the parts that are drawn.

In flow a lesson (`grad_engine.story`) and a layout (`grad_engine.draw.layout`); out flow parts, which are primitives of
`animation.render`. `stage` plays the scenes, `graph` is a graph in which every op can be read, `large` one in boxes;
`parts` keeps what can be seen, `motion` moves it.
"""
