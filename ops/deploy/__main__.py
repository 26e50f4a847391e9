"""What deploy.sh starts."""

import sys

try:
    from ops.deploy.command_line import main
except ModuleNotFoundError as missing:
    sys.exit(f"deploy.sh: the package {missing.name} is missing; make setup installs it")

sys.exit(main(sys.argv[1:]))
