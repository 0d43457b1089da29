#!/bin/bash
# Nights side by side with GNU parallel, four at a time; each is recorded under its own run.
set -euo pipefail

iop4 status | tail -n +2 | cut -f 1 | parallel --jobs 4 --halt never \
    'iop4 run {} -j 1 -q --lock-timeout 600 || [ $? -eq 3 ]'
