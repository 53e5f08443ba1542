"""How well rules distinguish msiexec's registrations of DLLs from everything else: a catalogue, four rules, a page."""
