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
    "plot lightcurve") words="--instrument --band --mode --since --until --where --unwrap --host --debiased -o --output --wide --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "plot qu") words="--instrument --band --mode --since --until --where --host -o --output --wide --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "plot modulation") words="-o --output --wide --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "plot growth") words="-o --output --wide --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "plot sweep") words="-o --output --wide --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "plot zeropoint") words="--instrument --band --mode --since --until --where --airmass -o --output --wide --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "plot health") words="-o --output --wide --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "plot masters") words="--instrument --band --since --until --kind -o --output --wide --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "plot astrometry") words="-o --output --wide --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "plot finding") words="--radius -o --output --wide --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "plot frame") words="-o --output --wide --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
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
    "index coverage") words="--missing --check --source --instrument --json --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "index needs") words="--urls --source --instrument --scales --series --json --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "index verify") words="--json --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "index fetch") words="--source --instrument --scales --series --from --to --copy --link --again -n --dry-run --json --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "index add") words="--user --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "flag add") words="--source --instrument --band --mode --since --until --where --reason --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "flag list") words="--source --instrument --band --mode --since --until --where --json --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "flag remove") words="--source --instrument --band --mode --since --until --where --reason --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
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
    "run") words="--source --instrument --band --mode --since --until --where -n --dry-run --force -j --jobs --executor --param -p --show-params --archive --lock-timeout -q --quiet -v --verbose --json -h --help" ;;
    "watch") words="--incoming --from --every --on-result --alert --on-alert --all-sources --p-error --snr --catch-up --patience --calibration-pause --poll --stop-when-idle -j --param --json --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "demo") words="--seed --json -q --quiet -h --help" ;;
    "classify") words="--source --instrument --band --mode --since --until --where --set -n --dry-run --force -j --jobs --executor --param -p --show-params --archive --lock-timeout -q --quiet -v --verbose --json -h --help" ;;
    "mkmaster") words="--source --instrument --band --mode --since --until --where --accept --reject --unsay -n --dry-run --force -j --jobs --executor --param -p --show-params --archive --lock-timeout -q --quiet -v --verbose --json -h --help" ;;
    "reduce") words="--source --instrument --band --mode --since --until --where -n --dry-run --force -j --jobs --executor --param -p --show-params --archive --lock-timeout -q --quiet -v --verbose --json -h --help" ;;
    "solve") words="--source --instrument --band --mode --since --until --where -n --dry-run --force -j --jobs --executor --param -p --show-params --archive --lock-timeout -q --quiet -v --verbose --json -h --help" ;;
    "phot") words="--source --instrument --band --mode --since --until --where -n --dry-run --force -j --jobs --executor --param -p --show-params --archive --lock-timeout -q --quiet -v --verbose --json -h --help" ;;
    "pol") words="--source --instrument --band --mode --since --until --where -n --dry-run --force -j --jobs --executor --param -p --show-params --archive --lock-timeout -q --quiet -v --verbose --json -h --help" ;;
    "correct") words="--source --instrument --band --mode --since --until --where -n --dry-run --force -j --jobs --executor --param -p --show-params --archive --lock-timeout -q --quiet -v --verbose --json -h --help" ;;
    "status") words="--source --instrument --band --mode --since --until --where --why --json --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "tui") words="--web --host --port --images --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "show") words="--sweep --json --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "diff") words="--source --instrument --band --mode --since --until --sigma --all --json --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "plot") words="lightcurve qu modulation growth sweep zeropoint health masters astrometry finding frame -h --help" ;;
    "plot lightcurve") words="--instrument --band --mode --since --until --where --unwrap --host --debiased -o --output --wide --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "plot qu") words="--instrument --band --mode --since --until --where --host -o --output --wide --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "plot modulation") words="-o --output --wide --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "plot growth") words="-o --output --wide --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "plot sweep") words="-o --output --wide --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "plot zeropoint") words="--instrument --band --mode --since --until --where --airmass -o --output --wide --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "plot health") words="-o --output --wide --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "plot masters") words="--instrument --band --since --until --kind -o --output --wide --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "plot astrometry") words="-o --output --wide --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "plot finding") words="--radius -o --output --wide --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "plot frame") words="-o --output --wide --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "report") words="--mail --mail-if --since --until -o --output --save --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "export") words="--source --instrument --band --mode --since --until --where -o --output --format --columns --flagged --targets --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
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
    "index coverage") words="--missing --check --source --instrument --json --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "index needs") words="--urls --source --instrument --scales --series --json --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "index verify") words="--json --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "index fetch") words="--source --instrument --scales --series --from --to --copy --link --again -n --dry-run --json --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "index add") words="--user --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "flag") words="add list remove -h --help" ;;
    "flag add") words="--source --instrument --band --mode --since --until --where --reason --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "flag list") words="--source --instrument --band --mode --since --until --where --json --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "flag remove") words="--source --instrument --band --mode --since --until --where --reason --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
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
