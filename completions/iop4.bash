# Completion of iop4 for bash; made by `make completions`.
_iop4_listing='
function give(kind, tail,   line, n) {
  while ((getline line < (folder "/" kind)) > 0) if (index(line, typed) == 1) { print line tail; n++ }
  return n
}
function nights(   line, part) {
  while ((getline line < (folder "/epochs")) > 0) {
    split(line, part, "/")
    if (index(part[2], typed) == 1 && !seen[part[2]]++) print part[2]
  }
}
BEGIN {
  folder = ENVIRON["IOP4_NAMES"]; typed = ENVIRON["IOP4_TYPED"]; kind = ENVIRON["IOP4_KIND"]
  in_night = split(typed, part, "/") > 2
  if (kind == "nights") nights()
  else if (kind == "any_sources") { if (!give("sources") && typed != "") give("other_names") }
  else if (kind == "results") { if (length(typed) > 2) give("results") }
  else if (kind !~ /^(items|frames|frames_or_results|products|things)$/) give(kind)
  else if (in_night) {
    give("frames")
    if (kind != "frames" && kind != "frames_or_results") { give("masters"); give("groups") }
  } else {
    give("epochs", "/")
    if (kind == "things" && !give("sources") && typed != "") give("other_names")
    if (kind != "frames" && length(typed) > 2) give("results")
  }
}
'
# Each of these sets _iop4_taken: words to choose from, files, folders, names:KIND, nothing (free text).
_iop4_subcommands() {
  case "$1" in
    "plot") _iop4_taken="lightcurve qu modulation growth sweep zeropoint health masters astrometry finding frame -h --help" ;;
    "catalog") _iop4_taken="import list export add edit remove rename log undo calibrators resolve check exposure health -h --help" ;;
    "index") _iop4_taken="list coverage needs verify fetch add -h --help" ;;
    "flag") _iop4_taken="add list remove -h --help" ;;
    "calib") _iop4_taken="fit list show plot accept reject export -h --help" ;;
    "doctor") _iop4_taken="instrument --check --repair --yes --forget-lost --json --archive --db --lock-timeout -q --quiet -v --verbose -h --help" ;;
  esac
}
_iop4_options() {
  case "$1" in
    "run" | "reduce" | "solve" | "phot" | "pol" | "correct") _iop4_taken="--source --instrument --band --mode --since --until --where -n --dry-run --force -j --jobs --executor --param -p --show-params --archive --db --lock-timeout -q --quiet -v --verbose --json -h --help" ;;
    "watch") _iop4_taken="--incoming --from --every --on-result --alert --on-alert --all-sources --p-error --snr --catch-up --patience --calibration-pause --poll --stop-when-idle -j --param --json --archive --db --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "demo") _iop4_taken="--seed --json -q --quiet -h --help" ;;
    "classify") _iop4_taken="--source --instrument --band --mode --since --until --where --set -n --dry-run --force -j --jobs --executor --param -p --show-params --archive --db --lock-timeout -q --quiet -v --verbose --json -h --help" ;;
    "mkmaster") _iop4_taken="--source --instrument --band --mode --since --until --where --accept --reject --unsay -n --dry-run --force -j --jobs --executor --param -p --show-params --archive --db --lock-timeout -q --quiet -v --verbose --json -h --help" ;;
    "status") _iop4_taken="--source --instrument --band --mode --since --until --where --why --json --archive --db --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "tui") _iop4_taken="--web --host --port --images --archive --db --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "show") _iop4_taken="--sweep --json --archive --db --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "diff") _iop4_taken="--source --instrument --band --mode --since --until --sigma --all --json --archive --db --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "plot" | "catalog" | "index" | "flag" | "calib") _iop4_taken="-h --help" ;;
    "plot lightcurve") _iop4_taken="--instrument --band --mode --since --until --where --unwrap --host --debiased -o --output --wide --archive --db --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "plot qu") _iop4_taken="--instrument --band --mode --since --until --where --host -o --output --wide --archive --db --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "plot modulation" | "plot growth" | "plot sweep" | "plot health" | "plot astrometry" | "plot frame") _iop4_taken="-o --output --wide --archive --db --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "plot zeropoint") _iop4_taken="--instrument --band --mode --since --until --where --airmass -o --output --wide --archive --db --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "plot masters") _iop4_taken="--instrument --band --since --until --kind -o --output --wide --archive --db --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "plot finding") _iop4_taken="--radius -o --output --wide --archive --db --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "report") _iop4_taken="--mail --mail-if --since --until -o --output --save --archive --db --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "export") _iop4_taken="--source --instrument --band --mode --since --until --where -o --output --format --columns --flagged --targets --cite --bundle --archive --db --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "log") _iop4_taken="--item --run --step --level --since --until -n --lines --follow -f --runs --json --archive --db --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "sql") _iop4_taken="-f --file --format -o --output --write --schema --shell --archive --db --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "init") _iop4_taken="--raw --catalog -q --quiet -h --help" ;;
    "fetch") _iop4_taken="--from --new --list --since --until --pattern --again --copy --link --json --archive --db --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "catalog import" | "catalog edit" | "catalog rename" | "catalog undo") _iop4_taken="--archive --db --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "catalog list" | "catalog log" | "catalog check" | "catalog health" | "index list" | "index verify" | "calib show") _iop4_taken="--json --archive --db --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "catalog export" | "calib export") _iop4_taken="-o --output --format --archive --db --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "catalog add") _iop4_taken="--ra --dec --kind --other-name --mag --calibrates --redshift --p --chi --only-beam --reference --comment --archive --db --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "catalog remove") _iop4_taken="--force --archive --db --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "catalog calibrators") _iop4_taken="--file --system --band --radius --min-detections --max-std --bright --faint --isolation --neighbour-mag --at-most --chart --apply --all --timeout --json --archive --db --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "catalog resolve") _iop4_taken="--add --timeout --json --archive --db --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "catalog exposure") _iop4_taken="--instrument --snr --p-error --band --mag --longest --json --archive --db --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "index coverage") _iop4_taken="--missing --check --source --instrument --json --archive --db --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "index needs") _iop4_taken="--urls --source --instrument --scales --series --json --archive --db --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "index fetch") _iop4_taken="--source --instrument --scales --series --from --to --copy --link --again -n --dry-run --json --archive --db --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "index add") _iop4_taken="--user --archive --db --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "flag add" | "flag remove") _iop4_taken="--source --instrument --band --mode --since --until --where --reason --archive --db --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "flag list") _iop4_taken="--source --instrument --band --mode --since --until --where --json --archive --db --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "calib fit") _iop4_taken="--instrument --band --since --until --standards --doubtful --hold --zero-scatter --name --accept -n --dry-run --json --archive --db --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "calib list") _iop4_taken="--instrument --band --json --archive --db --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "calib plot") _iop4_taken="-o --output --archive --db --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "calib accept" | "calib reject") _iop4_taken="--reason --archive --db --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "serve") _iop4_taken="--host --port --token-file --archive --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "doctor") _iop4_taken="--check --repair --yes --forget-lost --json --archive --db --lock-timeout -q --quiet -v --verbose -h --help" ;;
    "doctor instrument") _iop4_taken="--frame --json -h --help" ;;
    "simulate") _iop4_taken="--instrument --mode --night --seed --target --targets --groups --bands --transparency-rms --seeing --size --bad --index --mag --p --density --angles --imbalance --companion --block --flip --no-full-frame -q --quiet -h --help" ;;
  esac
}
_iop4_value() {
  case "$1 $2" in
    "catalog exposure --instrument" | "index coverage --instrument" | "index needs --instrument" | "index fetch --instrument" | "simulate --instrument") _iop4_taken="AndorT150 AndorT90 CAFOS DIPOL RoperT90" ;;
    "simulate --mode") _iop4_taken="phot pol both" ;;
    "log --since" | "log --until" | "log -n" | "classify --param" | "classify -p" | "simulate --targets") _iop4_taken="nothing" ;;
    "mkmaster --param" | "mkmaster -p") _iop4_taken="min_frames= flat_min_level= flat_max_level= max_flat_noise= max_age_days= compare_days= max_level_change= max_structure_change= max_scatter_ratio= max_flat_change=" ;;
    "reduce --param" | "reduce -p") _iop4_taken="max_age_days=" ;;
    "solve --param" | "solve -p") _iop4_taken="detection_sigmas= min_area_px= mesh_px= usual_fwhm_arcsec= max_stars= scale_tolerance= position_radius_fields= min_matched= track_min_matched= track_hours=" ;;
    "phot --param" | "phot -p") _iop4_taken="aperture= radius_fwhm= radius_min_px= annulus_in_fwhm= annulus_out_fwhm= recentre_fwhm= field_stars= cosmic_rays=" ;;
    "pol --param" | "pol -p") _iop4_taken="transparency= min_stars= plate_method= star_p_scatter=" ;;
    "correct --param" | "correct -p") _iop4_taken="clouds_mag= bad_seeing_ratio= unsteady_ratio= host_mag_days= host_mag_wander=" ;;
    "index fetch --from") _iop4_taken="folders" ;;
    "calib fit --accept" | "plot lightcurve --host" | "plot qu --host") _iop4_taken="" ;;
    "catalog add --kind") _iop4_taken="blazar bllac fsrq agn quasar galaxy star variable exoplanet transient polarised unpolarised standard other" ;;
    "sql --format") _iop4_taken="table csv ndjson parquet" ;;
    "catalog export --format") _iop4_taken="csv ecsv votable" ;;
    "calib export --format") _iop4_taken="toml ecsv" ;;
    "sql -f") _iop4_taken="files" ;;
    *) case "$2" in
    "--source") _iop4_taken="names:sources" ;;
    "--instrument") _iop4_taken="names:instruments" ;;
    "--band") _iop4_taken="names:bands" ;;
    "--mode") _iop4_taken="phot pol" ;;
    "--since" | "--until") _iop4_taken="names:nights" ;;
    "--where" | "-j" | "--jobs" | "--db" | "--lock-timeout" | "--every" | "--on-result" | "--alert" | "--on-alert" | "--p-error" | "--snr" | "--catch-up" | "--patience" | "--calibration-pause" | "--poll" | "--stop-when-idle" | "--seed" | "--set" | "--host" | "--port" | "--sigma" | "--radius" | "--columns" | "--bundle" | "--lines" | "--pattern" | "--ra" | "--dec" | "--other-name" | "--mag" | "--redshift" | "--p" | "--chi" | "--reference" | "--comment" | "--min-detections" | "--max-std" | "--bright" | "--faint" | "--isolation" | "--neighbour-mag" | "--at-most" | "--timeout" | "--longest" | "--scales" | "--series" | "--reason" | "--zero-scatter" | "--name" | "--night" | "--target" | "--groups" | "--bands" | "--transparency-rms" | "--seeing" | "--size" | "--density" | "--imbalance") _iop4_taken="nothing" ;;
    "--executor") _iop4_taken="auto here processes dask:" ;;
    "--param" | "-p") _iop4_taken="mkmaster.min_frames= mkmaster.flat_min_level= mkmaster.flat_max_level= mkmaster.max_flat_noise= mkmaster.max_age_days= mkmaster.compare_days= mkmaster.max_level_change= mkmaster.max_structure_change= mkmaster.max_scatter_ratio= mkmaster.max_flat_change= reduce.max_age_days= solve.detection_sigmas= solve.min_area_px= solve.mesh_px= solve.usual_fwhm_arcsec= solve.max_stars= solve.scale_tolerance= solve.position_radius_fields= solve.min_matched= solve.track_min_matched= solve.track_hours= phot.aperture= phot.radius_fwhm= phot.radius_min_px= phot.annulus_in_fwhm= phot.annulus_out_fwhm= phot.recentre_fwhm= phot.field_stars= phot.cosmic_rays= pol.transparency= pol.min_stars= pol.plate_method= pol.star_p_scatter= correct.clouds_mag= correct.bad_seeing_ratio= correct.unsteady_ratio= correct.host_mag_days= correct.host_mag_wander=" ;;
    "--archive" | "--incoming" | "--raw" | "--to") _iop4_taken="folders" ;;
    "--from") _iop4_taken="caha-t220 osn-t090 osn-t150" ;;
    "--accept" | "--reject" | "--unsay") _iop4_taken="names:masters" ;;
    "--images") _iop4_taken="blocks kitty sixel auto" ;;
    "-o" | "--output" | "--file" | "--chart" | "--standards" | "--token-file" | "--frame") _iop4_taken="files" ;;
    "--kind") _iop4_taken="bias dark flat" ;;
    "--mail-if") _iop4_taken="problems results always" ;;
    "--format") _iop4_taken="csv ecsv votable fits parquet ndjson markdown latex" ;;
    "--item") _iop4_taken="names:items" ;;
    "--run") _iop4_taken="last" ;;
    "--step") _iop4_taken="classify mkmaster reduce solve phot pol correct" ;;
    "--level") _iop4_taken="info warning error" ;;
    "--calibrates") _iop4_taken="names:any_sources" ;;
    "--only-beam" | "--companion" | "--block") _iop4_taken="O E" ;;
    "--system") _iop4_taken="tonry lupton jester jordi" ;;
    "--hold") _iop4_taken="polarisation zero-angle efficiency" ;;
    "--bad") _iop4_taken="all" ;;
    "--angles") _iop4_taken="4 8 16" ;;
    esac ;;
  esac
}
_iop4_argument() {
  case "$1" in
    "run" | "classify" | "mkmaster" | "reduce" | "solve" | "phot" | "pol" | "correct" | "status" | "export" | "log" | "flag add" | "flag list" | "flag remove") _iop4_taken="names:items" ;;
    "watch" | "plot zeropoint" | "report") _iop4_taken="names:epochs" ;;
    "demo" | "diff" | "init" | "index add" | "simulate") _iop4_taken="folders" ;;
    "show") _iop4_taken="names:things" ;;
    "plot lightcurve" | "plot qu" | "plot health" | "plot finding" | "catalog list" | "catalog export" | "catalog edit" | "catalog remove" | "catalog rename" | "catalog log" | "catalog calibrators" | "catalog resolve" | "catalog exposure" | "catalog health") _iop4_taken="names:any_sources" ;;
    "plot modulation" | "plot sweep") _iop4_taken="names:results" ;;
    "plot growth") _iop4_taken="names:frames_or_results" ;;
    "plot astrometry" | "plot frame") _iop4_taken="names:frames" ;;
    "fetch" | "catalog import" | "index verify" | "doctor instrument") _iop4_taken="files" ;;
    "calib show" | "calib plot" | "calib accept" | "calib reject" | "calib export") _iop4_taken="names:calibrations" ;;
  esac
}
# The words of a command line, without their quotes, into _iop4_words, the quote left open into _iop4_quote;
# nothing is expanded or run.
_iop4_split() {
  local line="$1" word="" quote="" begun="" letter i
  _iop4_words=()
  for ((i = 0; i < ${#line}; i++)); do
    letter="${line:i:1}"
    case "$quote$letter" in
      "''" | '""') quote="" ;;
      "'"?) word+="$letter" ;;
      '"\')
        i=$((i + 1))
        case "${line:i:1}" in [\"\\\$\`]) ;; *) word+="\\" ;; esac
        word+="${line:i:1}" ;;
      '"'?) word+="$letter" ;;
      "'" | '"') quote="$letter" begun=1 ;;
      "\\") i=$((i + 1)) begun=1 word+="${line:i:1}" ;;
      [[:space:]]) [ -z "$begun" ] || _iop4_words+=("$word"); word="" begun="" ;;
      *) word+="$letter" begun=1 ;;
    esac
  done
  _iop4_words+=("$word")
  _iop4_quote="$quote"
}

# The folder of the archive's names into _iop4_folder: --archive, IOP4_ARCHIVE, or the nearest folder above.
_iop4_find() {
  local i archive="$IOP4_ARCHIVE" last=$((${#_iop4_words[@]} - 1))
  _iop4_folder=""
  for ((i = 1; i < last; i++)); do
    case "${_iop4_words[i]}" in
      --archive) [ $((i + 1)) -lt "$last" ] && archive="${_iop4_words[i + 1]}" ;;
      --archive=*) archive="${_iop4_words[i]#*=}" ;;
    esac
  done
  case "$archive" in "~/"*) archive="$HOME/${archive#*/}" ;; esac
  if [ -z "$archive" ]; then
    archive="$PWD"
    while [ -n "$archive" ] && [ ! -f "$archive/iop4.toml" ]; do archive="${archive%/*}"; done
  fi
  [ -f "$archive/iop4.toml" ] && _iop4_folder="$archive/.names"
}

_iop4_names() {
  _iop4_find
  [ -d "$_iop4_folder" ] || return
  IOP4_NAMES="$_iop4_folder" IOP4_KIND="$1" IOP4_TYPED="$_iop4_typed" awk "$_iop4_listing" 2>/dev/null
}

# Lines of standard input that begin as typed become candidates, less what stands before the word that bash replaces.
_iop4_offer() {
  local line quoted special="" before="" apostrophe="'\\''"
  case "$_iop4_typed" in
    *"$_iop4_replaced") before="${_iop4_typed%"$_iop4_replaced"}" ;;
    *) case "$_iop4_typed" in *"$_iop4_plain") before="${_iop4_typed%"$_iop4_plain"}" ;; esac ;;
  esac
  while IFS= read -r line; do
    case "$line" in "$_iop4_typed"*) ;; *) continue ;; esac
    line="${line#"$before"}"
    # bash's own quoting of file names leaves $ and ` alone, so that a name could run a command.
    case "$_iop4_quote" in
      "'") quoted="${line//\'/$apostrophe}" ;;
      '"') quoted="${line//\\/\\\\}" quoted="${quoted//\"/\\\"}"
           quoted="${quoted//\$/\\\$}" quoted="${quoted//\`/\\\`}" ;;
      *) printf -v quoted %q "$line" ;;
    esac
    [ "$quoted" = "$line" ] || special=1
    COMPREPLY+=("$quoted")
  done
  [ -z "$special" ] || _iop4_option +o filenames
}

_iop4_option() { compopt "$@" 2>/dev/null; }

_iop4_offer_taken() {
  case "$1" in
    files) _iop4_option -o default || COMPREPLY=($(compgen -f -- "$_iop4_replaced")) ;;
    folders) _iop4_option -o dirnames || COMPREPLY=($(compgen -d -- "$_iop4_replaced")) ;;
    names:*) _iop4_offer < <(_iop4_names "${1#*:}") ;;
    *) _iop4_option +o filenames; _iop4_offer < <(printf '%s\n' $1) ;;
  esac
  case "${COMPREPLY[0]}" in */ | *=) _iop4_option -o nospace ;; esac
}

_iop4() {
  local _iop4_words _iop4_quote _iop4_folder _iop4_typed _iop4_replaced="$2" _iop4_plain n command option taken
  COMPREPLY=()
  _iop4_split "$2"
  _iop4_plain="${_iop4_words[${#_iop4_words[@]} - 1]}"
  case "$2" in "=" | ":" | "@") _iop4_replaced="" _iop4_plain="" ;; esac
  _iop4_split "${COMP_LINE:0:COMP_POINT}"
  n=${#_iop4_words[@]}
  _iop4_typed="${_iop4_words[n - 1]}"
  command="${_iop4_words[1]}"
  if [ "$n" -le 2 ]; then
    _iop4_offer_taken "run watch demo classify mkmaster reduce solve phot pol correct status tui show diff plot report export log sql init fetch catalog index flag calib serve doctor simulate -h --help --version"
    return
  fi
  case " plot catalog index flag calib doctor " in
    *" $command "*)
      if [ "$n" -eq 3 ]; then
        _iop4_subcommands "$command"
        _iop4_offer_taken "$_iop4_taken"
        return
      fi
      command="$command ${_iop4_words[2]}" ;;
  esac
  option="${_iop4_words[n - 2]}"
  case "$_iop4_typed" in
    --*=*) option="${_iop4_typed%%=*}" _iop4_typed="${_iop4_typed#*=}" ;;
    -*) option="" ;;
  esac
  local _iop4_taken=""
  _iop4_value "$command" "$option"
  if [ -n "$_iop4_taken" ]; then
    [ "$_iop4_taken" = nothing ] || _iop4_offer_taken "$_iop4_taken"
  elif [ "${_iop4_typed:0:1}" = - ]; then
    _iop4_options "$command"
    _iop4_offer_taken "$_iop4_taken"
  else
    _iop4_argument "$command"
    [ -z "$_iop4_taken" ] || _iop4_offer_taken "$_iop4_taken"
  fi
}
# bash 3.2 (macOS) cannot change its mind about file names.
if type compopt >/dev/null 2>&1; then complete -o filenames -F _iop4 iop4; else complete -F _iop4 iop4; fi
