"""Parts as a team might write them in a hurry: a client, a bank, an API and a web site that check next to nothing.

They are the lab's own, so that the packages need no switch that turns a defence off. Each works for honest people.
"""
