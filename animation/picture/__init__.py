"""What is on stage: op, card, edge, caption and the rest, each from what it stands for to the parts that are drawn.

In flows the story (beats of `grad_engine.story`) and the layout (`grad_engine.draw.layout`); out flow parts, which are
primitives of `animation.render`. `base` is what all pictures share, `graph` the picture in which every op can be read,
`overview` the one of a graph that is too large for that; `motion` moves their parts.
"""
