#!/bin/sh
# Copy to .git/hooks/pre-commit: refuses lines that agents wrote after reading other rooms' text.
exec firedoor scan --staged --generation 1
