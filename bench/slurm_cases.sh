#!/bin/bash
# docs/cluster/*.sbatch, as they stand, under a Slurm of one node: inside bench/slurm_here.sh, with
# `tessera` in the path.
#
#     bench/slurm_here.sh bench/slurm_cases.sh FOLDER
#
# A run that is warned of its end, one that is put into the queue again, one that another job preempts:
# each must save, start again by itself and end as a run that nobody disturbed; and a study by an array
# of tasks, one of which is cancelled. Exit code 1 if something is not as it should be.
set -uo pipefail
[ $# -eq 1 ] || { sed -n '2,10p' "$0"; exit 2; }
mkdir -p "$1"
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$1" || exit 2
cat > shapes.yaml <<YAML
model: {patch_size: 4, embed_dim: 8, depths: [1, 1], num_heads: [1, 2], window_size: 4}
data: {name: synthetic, batch_size: 16, train_samples: 320, test_samples: 64}
optim: {lr: 1.0e-3}
train: {epochs: ${EPOCHS:-30}, seed: 3, threads: 1, checkpoint_every: 20, tensorboard: false}
YAML
cat > study.yaml <<YAML
base: shapes.yaml
axes: {model.patch_size: [4, 8], optim.lr: [1.0e-3, 3.0e-3]}
baseline: {model.patch_size: 4, optim.lr: 1.0e-3}
seeds: [0, 1]
train: {epochs: 3}
YAML
failed=0
check() {  # what, and a command that must succeed
  if "${@:2}"; then echo "ok: $1"; else echo "NOT SO: $1"; failed=1; fi
}
submit() { sbatch --parsable "$@" | cut -d';' -f1; }
is_there() { squeue --noheader --job "$1" 2>/dev/null | grep -q .; }
ended() { while is_there "$1"; do sleep 0.5; done; }
begun() {  # the job, and a file that it makes
  until [ -n "$(compgen -G "$2")" ]; do
    is_there "$1" || { echo "job $1 ended without $2"; exit 1; }
    sleep 0.2
  done
}
same_run() { cmp -s "$1/metrics.jsonl" undisturbed/metrics.jsonl; }

job=$(submit "$root/docs/cluster/train.sbatch" shapes.yaml undisturbed)
ended "$job"
check "a run of two ranks ends" grep -q finished undisturbed/status.json

job=$(submit "$root/docs/cluster/train.sbatch" shapes.yaml warned)
begun "$job" warned/checkpoints/checkpoints.json
scancel --batch --signal=TERM "$job"   # what --signal=B:TERM@120 does
ended "$job"
check "warned, it saves" grep -q 'SIGTERM: saving step' warned/train.log
check "and ends as one that nobody disturbed" same_run warned

job=$(submit "$root/docs/cluster/train.sbatch" shapes.yaml requeued)
begun "$job" requeued/checkpoints/checkpoints.json
scontrol requeue "$job"
ended "$job"
check "put into the queue again, it goes on" grep -q 'going on after step' requeued/train.log
check "and ends as one that nobody disturbed" same_run requeued

job=$(submit "$root/docs/cluster/train.sbatch" shapes.yaml preempted)
begun "$job" preempted/checkpoints/checkpoints.json
urgent=$(submit --partition=urgent --ntasks=2 --wrap 'sleep 5')
ended "$urgent"
ended "$job"
check "preempted, it saves" grep -q 'SIGTERM: saving step' preempted/train.log
check "and ends as one that nobody disturbed" same_run preempted

job=$(submit --array=0-1 "$root/docs/cluster/study.sbatch" study.yaml joined --no-measure)
begun "$job" 'joined/cells/*/status.json'
scancel "${job}_1"
ended "$job"
tessera ablate study.yaml --out alone --no-measure > alone.txt 2>&1
check "an array of which one task was cancelled has the results of one process" \
  cmp -s joined/results.csv alone/results.csv
exit $failed
