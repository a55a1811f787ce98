"""The command line over a record file: main.py, and one file for each command.

parser.py holds what all command lines of the project share. console.py reads the record that a command names, and
writes text, JSON and files. difference.py finds what `diff` prints; details.py finds, and show_pages.py sets, what
`show` prints.
"""
