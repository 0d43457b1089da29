#!/bin/bash
# A task a night, on a shared disk: sbatch --array=1-$(wc -l < nights.txt) share/examples/slurm_array.sh
# with the nights to do, one a line: iop4 status --json | jq -r .name > nights.txt
#SBATCH --job-name=iop4
#SBATCH --cpus-per-task=4
#SBATCH --mem=8G
#SBATCH --time=02:00:00
#SBATCH --output=iop4-%A_%a.log
set -euo pipefail

night=$(sed -n "${SLURM_ARRAY_TASK_ID}p" "${NIGHTS:-nights.txt}")
# Tasks take turns at the store for moments only; on a busy cluster they may wait longer for it. A night in which some
# frames failed (exit code 3) is done all the same.
iop4 run "$night" -j "${SLURM_CPUS_PER_TASK:-1}" --lock-timeout 600 || [ $? -eq 3 ]
