# Completion of iop4 for bash; made by `make completions`.
_iop4() {
  local current="${COMP_WORDS[COMP_CWORD]}" words=""
  local first="${COMP_WORDS[1]}" second="${COMP_WORDS[2]}"
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "run watch demo classify mkmaster reduce solve phot pol correct status tui show diff plot report export log sql init fetch catalog index flag calib doctor simulate --help --version" -- "$current"))
    return
  fi
  [ "$COMP_CWORD" -eq 2 ] && second=""
  case "$first $second" in
    "plot lightcurve") words="--unwrap --host --debiased --archive --lock-timeout -q --quiet -v --verbose --instrument --band --mode --since --until --where -o --output --wide -h --help" ;;
    "plot qu") words="--host --archive --lock-timeout -q --quiet -v --verbose --instrument --band --mode --since --until --where -o --output --wide -h --help" ;;
    "plot modulation") words="--archive --lock-timeout -q --quiet -v --verbose -o --output --wide -h --help" ;;
    "plot growth") words="--archive --lock-timeout -q --quiet -v --verbose -o --output --wide -h --help" ;;
    "plot sweep") words="--archive --lock-timeout -q --quiet -v --verbose -o --output --wide -h --help" ;;
    "plot zeropoint") words="--airmass --archive --lock-timeout -q --quiet -v --verbose --instrument --band --mode --since --until --where -o --output --wide -h --help" ;;
    "plot health") words="--archive --lock-timeout -q --quiet -v --verbose -o --output --wide -h --help" ;;
    "plot masters") words="--instrument --band --since --until --kind --archive --lock-timeout -q --quiet -v --verbose -o --output --wide -h --help" ;;
    "plot astrometry") words="--archive --lock-timeout -q --quiet -v --verbose -o --output --wide -h --help" ;;
    "plot finding") words="--radius --archive --lock-timeout -q --quiet -v --verbose -o --output --wide -h --help" ;;
    "plot frame") words="--archive --lock-timeout -q --quiet -v --verbose -o --output --wide -h --help" ;;
    "catalog import") words="--archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "catalog list") words="--json --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "catalog export") words="-o --output --format --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "catalog add") words="--ra --dec --kind --other-name --mag --calibrates --redshift --p --chi --only-beam --reference --comment --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "catalog edit") words="--archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "catalog remove") words="--force --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "catalog rename") words="--archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "catalog log") words="--json --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "catalog undo") words="--archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "catalog calibrators") words="--file --system --band --radius --min-detections --max-std --bright --faint --isolation --neighbour-mag --at-most --chart --apply --all --timeout --json --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "catalog resolve") words="--add --timeout --json --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "catalog check") words="--json --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "catalog exposure") words="--instrument --snr --p-error --band --mag --longest --json --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "catalog health") words="--json --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "index list") words="--json --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "index coverage") words="--source --instrument --missing --check --json --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "index needs") words="--source --instrument --scales --series --urls --json --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "index verify") words="--json --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "index fetch") words="--source --instrument --scales --series --from --to --copy --link --again -n --dry-run --json --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "index add") words="--user --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "flag add") words="--reason --archive --lock-timeout -q --quiet -v --verbose --source --instrument --band --mode --since --until --where -h --help" ;;
    "flag list") words="--json --archive --lock-timeout -q --quiet -v --verbose --source --instrument --band --mode --since --until --where -h --help" ;;
    "flag remove") words="--reason --archive --lock-timeout -q --quiet -v --verbose --source --instrument --band --mode --since --until --where -h --help" ;;
    "calib fit") words="--instrument --band --since --until --standards --doubtful --hold --zero-scatter --name --accept -n --dry-run --json --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "calib list") words="--instrument --band --json --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "calib show") words="--json --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "calib plot") words="-o --output --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "calib accept") words="--reason --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "calib reject") words="--reason --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "calib export") words="-o --output --format --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "doctor instrument") words="--frame --json -h --help" ;;
  esac
  [ -n "$words" ] || case "$first" in
    "run") words="--archive --lock-timeout -q --quiet -v --verbose --source --instrument --band --mode --since --until --where -n --dry-run --force -j --jobs --executor --param -p --show-params --json -h --help" ;;
    "watch") words="--incoming --from --every --on-result --alert --on-alert --all-sources --p-error --snr --catch-up --patience --calibration-pause --poll --stop-when-idle -j --param --json --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "demo") words="--seed --json -q --quiet -h --help" ;;
    "classify") words="--set --archive --lock-timeout -q --quiet -v --verbose --source --instrument --band --mode --since --until --where -n --dry-run --force -j --jobs --executor --param -p --show-params --json -h --help" ;;
    "mkmaster") words="--accept --reject --unsay --archive --lock-timeout -q --quiet -v --verbose --source --instrument --band --mode --since --until --where -n --dry-run --force -j --jobs --executor --param -p --show-params --json -h --help" ;;
    "reduce") words="--archive --lock-timeout -q --quiet -v --verbose --source --instrument --band --mode --since --until --where -n --dry-run --force -j --jobs --executor --param -p --show-params --json -h --help" ;;
    "solve") words="--archive --lock-timeout -q --quiet -v --verbose --source --instrument --band --mode --since --until --where -n --dry-run --force -j --jobs --executor --param -p --show-params --json -h --help" ;;
    "phot") words="--archive --lock-timeout -q --quiet -v --verbose --source --instrument --band --mode --since --until --where -n --dry-run --force -j --jobs --executor --param -p --show-params --json -h --help" ;;
    "pol") words="--archive --lock-timeout -q --quiet -v --verbose --source --instrument --band --mode --since --until --where -n --dry-run --force -j --jobs --executor --param -p --show-params --json -h --help" ;;
    "correct") words="--archive --lock-timeout -q --quiet -v --verbose --source --instrument --band --mode --since --until --where -n --dry-run --force -j --jobs --executor --param -p --show-params --json -h --help" ;;
    "status") words="--why --json --archive --lock-timeout -q --quiet -v --verbose --source --instrument --band --mode --since --until --where -h --help" ;;
    "tui") words="--web --host --port --images --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "show") words="--sweep --json --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "diff") words="--sigma --all --json --archive --lock-timeout -q --quiet -v --verbose --source --instrument --band --mode --since --until -h --help" ;;
    "plot") words="lightcurve qu modulation growth sweep zeropoint health masters astrometry finding frame -h --help" ;;
    "plot lightcurve") words="--unwrap --host --debiased --archive --lock-timeout -q --quiet -v --verbose --instrument --band --mode --since --until --where -o --output --wide -h --help" ;;
    "plot qu") words="--host --archive --lock-timeout -q --quiet -v --verbose --instrument --band --mode --since --until --where -o --output --wide -h --help" ;;
    "plot modulation") words="--archive --lock-timeout -q --quiet -v --verbose -o --output --wide -h --help" ;;
    "plot growth") words="--archive --lock-timeout -q --quiet -v --verbose -o --output --wide -h --help" ;;
    "plot sweep") words="--archive --lock-timeout -q --quiet -v --verbose -o --output --wide -h --help" ;;
    "plot zeropoint") words="--airmass --archive --lock-timeout -q --quiet -v --verbose --instrument --band --mode --since --until --where -o --output --wide -h --help" ;;
    "plot health") words="--archive --lock-timeout -q --quiet -v --verbose -o --output --wide -h --help" ;;
    "plot masters") words="--instrument --band --since --until --kind --archive --lock-timeout -q --quiet -v --verbose -o --output --wide -h --help" ;;
    "plot astrometry") words="--archive --lock-timeout -q --quiet -v --verbose -o --output --wide -h --help" ;;
    "plot finding") words="--radius --archive --lock-timeout -q --quiet -v --verbose -o --output --wide -h --help" ;;
    "plot frame") words="--archive --lock-timeout -q --quiet -v --verbose -o --output --wide -h --help" ;;
    "report") words="--since --until -o --output --save --mail --mail-if --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "export") words="-o --output --format --columns --flagged --targets --archive --lock-timeout -q --quiet -v --verbose --source --instrument --band --mode --since --until --where -h --help" ;;
    "log") words="--item --run --step --level --since --until -n --lines --follow -f --runs --json --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "sql") words="-f --file --format -o --output --write --schema --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "init") words="--raw --catalog -q --quiet -h --help" ;;
    "fetch") words="--from --new --list --since --until --pattern --again --copy --link --json --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "catalog") words="import list export add edit remove rename log undo calibrators resolve check exposure health -h --help" ;;
    "catalog import") words="--archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "catalog list") words="--json --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "catalog export") words="-o --output --format --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "catalog add") words="--ra --dec --kind --other-name --mag --calibrates --redshift --p --chi --only-beam --reference --comment --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "catalog edit") words="--archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "catalog remove") words="--force --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "catalog rename") words="--archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "catalog log") words="--json --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "catalog undo") words="--archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "catalog calibrators") words="--file --system --band --radius --min-detections --max-std --bright --faint --isolation --neighbour-mag --at-most --chart --apply --all --timeout --json --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "catalog resolve") words="--add --timeout --json --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "catalog check") words="--json --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "catalog exposure") words="--instrument --snr --p-error --band --mag --longest --json --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "catalog health") words="--json --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "index") words="list coverage needs verify fetch add -h --help" ;;
    "index list") words="--json --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "index coverage") words="--source --instrument --missing --check --json --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "index needs") words="--source --instrument --scales --series --urls --json --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "index verify") words="--json --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "index fetch") words="--source --instrument --scales --series --from --to --copy --link --again -n --dry-run --json --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "index add") words="--user --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "flag") words="add list remove -h --help" ;;
    "flag add") words="--reason --archive --lock-timeout -q --quiet -v --verbose --source --instrument --band --mode --since --until --where -h --help" ;;
    "flag list") words="--json --archive --lock-timeout -q --quiet -v --verbose --source --instrument --band --mode --since --until --where -h --help" ;;
    "flag remove") words="--reason --archive --lock-timeout -q --quiet -v --verbose --source --instrument --band --mode --since --until --where -h --help" ;;
    "calib") words="fit list show plot accept reject export -h --help" ;;
    "calib fit") words="--instrument --band --since --until --standards --doubtful --hold --zero-scatter --name --accept -n --dry-run --json --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "calib list") words="--instrument --band --json --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "calib show") words="--json --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "calib plot") words="-o --output --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "calib accept") words="--reason --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "calib reject") words="--reason --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "calib export") words="-o --output --format --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "doctor") words="instrument --json --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "doctor instrument") words="--frame --json -h --help" ;;
    "simulate") words="--instrument --mode --night --seed --target --targets --groups --bands --transparency-rms --seeing --size --bad --index --mag --p --density --angles --imbalance --companion --block --flip --no-full-frame -q --quiet -h --help" ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  [ "${#COMPREPLY[@]}" -gt 0 ] || COMPREPLY=($(compgen -f -- "$current"))
}
complete -o filenames -F _iop4 iop4
