"""`plughost doctor` and `plughost bugreport`: a look at everything from outside a server.

To read it in order: `findings.py` and `facts.py` (what is said), `examination.py` (who is asked
what), one module for each thing that is looked at, `drawing.py` (how it is shown),
`bugreport.py` and `privacy.py` (what is packed, and what is left out). Nothing here is
imported by a server.
"""
