"""Run the command as `python -m jinbiao.server.cli`."""

from . import main

main()
