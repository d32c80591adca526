# bash completion for tm and trade-manager
# Written from the program itself; python -m tm.cli.documents rewrites it.

_tm_records() {
    # bash shows only the words themselves; readline wants them to begin with what is typed, or to be one
    local IFS=$'\n'
    COMPREPLY=($(command "${COMP_WORDS[0]}" _complete "$1" "$2" 2>/dev/null | cut -f1))
}

_tm() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}
    local path=tm index word skip= place=0
    COMPREPLY=()
    for ((index = 1; index < COMP_CWORD; index++)); do
        word=${COMP_WORDS[index]}
        if [ -n "$skip" ]; then skip=; continue; fi
        case "$path:$word" in
            tm:rule) path=tm/rule; place=0; continue ;;
            tm:position) path=tm/position; place=0; continue ;;
            tm:status) path=tm/status; place=0; continue ;;
            tm:event) path=tm/event; place=0; continue ;;
            tm:alert) path=tm/alert; place=0; continue ;;
            tm:job) path=tm/job; place=0; continue ;;
            tm:execution) path=tm/execution; place=0; continue ;;
            tm:tick) path=tm/tick; place=0; continue ;;
            tm:serve) path=tm/serve; place=0; continue ;;
            tm:run) path=tm/run; place=0; continue ;;
            tm:start) path=tm/start; place=0; continue ;;
            tm:pause) path=tm/pause; place=0; continue ;;
            tm:resume) path=tm/resume; place=0; continue ;;
            tm:init) path=tm/init; place=0; continue ;;
            tm:install) path=tm/install; place=0; continue ;;
            tm:uninstall) path=tm/uninstall; place=0; continue ;;
            tm:doctor) path=tm/doctor; place=0; continue ;;
            tm:skill) path=tm/skill; place=0; continue ;;
            tm:config) path=tm/config; place=0; continue ;;
            tm:demo) path=tm/demo; place=0; continue ;;
            tm:paper) path=tm/paper; place=0; continue ;;
            tm:completion) path=tm/completion; place=0; continue ;;
            tm:version) path=tm/version; place=0; continue ;;
            tm:--config) skip=1; continue ;;
            tm/rule:add) path=tm/rule/add; place=0; continue ;;
            tm/rule:list) path=tm/rule/list; place=0; continue ;;
            tm/rule:show) path=tm/rule/show; place=0; continue ;;
            tm/rule:edit) path=tm/rule/edit; place=0; continue ;;
            tm/rule:cancel) path=tm/rule/cancel; place=0; continue ;;
            tm/rule:--config) skip=1; continue ;;
            tm/rule/add:--stop-loss|tm/rule/add:--take-profit|tm/rule/add:--trailing-stop|tm/rule/add:--trigger-price|tm/rule/add:--activate-at|tm/rule/add:--market-id|tm/rule/add:--token-id|tm/rule/add:--sell|tm/rule/add:--expires|tm/rule/add:--from-json|tm/rule/add:--config) skip=1; continue ;;
            tm/rule/list:--status|tm/rule/list:--limit|tm/rule/list:--offset|tm/rule/list:--config) skip=1; continue ;;
            tm/rule/show:--config) skip=1; continue ;;
            tm/rule/edit:--trigger-price|tm/rule/edit:--config) skip=1; continue ;;
            tm/rule/cancel:--config) skip=1; continue ;;
            tm/position:list) path=tm/position/list; place=0; continue ;;
            tm/position:history) path=tm/position/history; place=0; continue ;;
            tm/position:--config) skip=1; continue ;;
            tm/position/list:--limit|tm/position/list:--offset|tm/position/list:--config) skip=1; continue ;;
            tm/position/history:--since|tm/position/history:--limit|tm/position/history:--offset|tm/position/history:--config) skip=1; continue ;;
            tm/status:--config) skip=1; continue ;;
            tm/event:list) path=tm/event/list; place=0; continue ;;
            tm/event:--config) skip=1; continue ;;
            tm/event/list:--rule|tm/event/list:--type|tm/event/list:--limit|tm/event/list:--offset|tm/event/list:--config) skip=1; continue ;;
            tm/alert:add) path=tm/alert/add; place=0; continue ;;
            tm/alert:list) path=tm/alert/list; place=0; continue ;;
            tm/alert:show) path=tm/alert/show; place=0; continue ;;
            tm/alert:--config) skip=1; continue ;;
            tm/alert/add:--source|tm/alert/add:--type|tm/alert/add:--mode|tm/alert/add:--key|tm/alert/add:--payload|tm/alert/add:--expires|tm/alert/add:--config) skip=1; continue ;;
            tm/alert/list:--status|tm/alert/list:--limit|tm/alert/list:--offset|tm/alert/list:--config) skip=1; continue ;;
            tm/alert/show:--config) skip=1; continue ;;
            tm/job:list) path=tm/job/list; place=0; continue ;;
            tm/job:show) path=tm/job/show; place=0; continue ;;
            tm/job:retry) path=tm/job/retry; place=0; continue ;;
            tm/job:cancel) path=tm/job/cancel; place=0; continue ;;
            tm/job:resolve) path=tm/job/resolve; place=0; continue ;;
            tm/job:--config) skip=1; continue ;;
            tm/job/list:--status|tm/job/list:--limit|tm/job/list:--offset|tm/job/list:--config) skip=1; continue ;;
            tm/job/show:--config) skip=1; continue ;;
            tm/job/retry:--config) skip=1; continue ;;
            tm/job/cancel:--config) skip=1; continue ;;
            tm/job/resolve:--sold|tm/job/resolve:--config) skip=1; continue ;;
            tm/execution:list) path=tm/execution/list; place=0; continue ;;
            tm/execution:show) path=tm/execution/show; place=0; continue ;;
            tm/execution:--config) skip=1; continue ;;
            tm/execution/list:--rule|tm/execution/list:--alert|tm/execution/list:--limit|tm/execution/list:--offset|tm/execution/list:--config) skip=1; continue ;;
            tm/execution/show:--config) skip=1; continue ;;
            tm/tick:--config) skip=1; continue ;;
            tm/serve:--port|tm/serve:--config) skip=1; continue ;;
            tm/run:--port|tm/run:--config) skip=1; continue ;;
            tm/start:--port|tm/start:--config) skip=1; continue ;;
            tm/pause:--config) skip=1; continue ;;
            tm/resume:--config) skip=1; continue ;;
            tm/init:--config) skip=1; continue ;;
            tm/install:--run-as|tm/install:--config) skip=1; continue ;;
            tm/uninstall:--config) skip=1; continue ;;
            tm/doctor:--config) skip=1; continue ;;
            tm/skill:show) path=tm/skill/show; place=0; continue ;;
            tm/skill:install) path=tm/skill/install; place=0; continue ;;
            tm/skill:--config) skip=1; continue ;;
            tm/skill/show:--config) skip=1; continue ;;
            tm/skill/install:--workspace|tm/skill/install:--config) skip=1; continue ;;
            tm/config:show) path=tm/config/show; place=0; continue ;;
            tm/config:path) path=tm/config/path; place=0; continue ;;
            tm/config:--config) skip=1; continue ;;
            tm/config/show:--config) skip=1; continue ;;
            tm/config/path:--config) skip=1; continue ;;
            tm/demo:--config) skip=1; continue ;;
            tm/paper:serve) path=tm/paper/serve; place=0; continue ;;
            tm/paper:show) path=tm/paper/show; place=0; continue ;;
            tm/paper:price) path=tm/paper/price; place=0; continue ;;
            tm/paper:play) path=tm/paper/play; place=0; continue ;;
            tm/paper:fault) path=tm/paper/fault; place=0; continue ;;
            tm/paper:--config) skip=1; continue ;;
            tm/paper/serve:--port|tm/paper/serve:--config) skip=1; continue ;;
            tm/paper/show:--config) skip=1; continue ;;
            tm/paper/price:--depth|tm/paper/price:--config) skip=1; continue ;;
            tm/paper/play:--speed|tm/paper/play:--row|tm/paper/play:--config) skip=1; continue ;;
            tm/paper/fault:--count|tm/paper/fault:--seconds|tm/paper/fault:--status|tm/paper/fault:--message|tm/paper/fault:--config) skip=1; continue ;;
            tm/completion:--config) skip=1; continue ;;
            tm/version:--config) skip=1; continue ;;
        esac
        case $word in
            -*) ;;
            *) place=$((place + 1)) ;;
        esac
    done
    case "$path:$previous" in
        tm:--config) COMPREPLY=($(compgen -f -- "$current")); compopt -o filenames; return ;;
        tm/rule:--config) COMPREPLY=($(compgen -f -- "$current")); compopt -o filenames; return ;;
        tm/rule/add:--stop-loss) :; return ;;
        tm/rule/add:--take-profit) :; return ;;
        tm/rule/add:--trailing-stop) :; return ;;
        tm/rule/add:--trigger-price) :; return ;;
        tm/rule/add:--activate-at) :; return ;;
        tm/rule/add:--market-id) :; return ;;
        tm/rule/add:--token-id) _tm_records position "$current"; return ;;
        tm/rule/add:--sell) :; return ;;
        tm/rule/add:--expires) :; return ;;
        tm/rule/add:--from-json) COMPREPLY=($(compgen -f -- "$current")); compopt -o filenames; return ;;
        tm/rule/add:--config) COMPREPLY=($(compgen -f -- "$current")); compopt -o filenames; return ;;
        tm/rule/list:--status) COMPREPLY=($(compgen -W "ACTIVE TRIGGERED CANCELED EXPIRED FAILED" -- "$current")); return ;;
        tm/rule/list:--limit) :; return ;;
        tm/rule/list:--offset) :; return ;;
        tm/rule/list:--config) COMPREPLY=($(compgen -f -- "$current")); compopt -o filenames; return ;;
        tm/rule/show:--config) COMPREPLY=($(compgen -f -- "$current")); compopt -o filenames; return ;;
        tm/rule/edit:--trigger-price) :; return ;;
        tm/rule/edit:--config) COMPREPLY=($(compgen -f -- "$current")); compopt -o filenames; return ;;
        tm/rule/cancel:--config) COMPREPLY=($(compgen -f -- "$current")); compopt -o filenames; return ;;
        tm/position:--config) COMPREPLY=($(compgen -f -- "$current")); compopt -o filenames; return ;;
        tm/position/list:--limit) :; return ;;
        tm/position/list:--offset) :; return ;;
        tm/position/list:--config) COMPREPLY=($(compgen -f -- "$current")); compopt -o filenames; return ;;
        tm/position/history:--since) :; return ;;
        tm/position/history:--limit) :; return ;;
        tm/position/history:--offset) :; return ;;
        tm/position/history:--config) COMPREPLY=($(compgen -f -- "$current")); compopt -o filenames; return ;;
        tm/status:--config) COMPREPLY=($(compgen -f -- "$current")); compopt -o filenames; return ;;
        tm/event:--config) COMPREPLY=($(compgen -f -- "$current")); compopt -o filenames; return ;;
        tm/event/list:--rule) _tm_records rule "$current"; return ;;
        tm/event/list:--type) COMPREPLY=($(compgen -W "RULE_CREATED RULE_UPDATED RULE_EVALUATED RULE_TRAILING_UPDATED RULE_ACTIVATED RULE_ENTRY_CHANGED RULE_TRIGGERED RULE_REARMED RULE_CANCELED RULE_EXPIRED RULE_FAILED ACTION_ATTEMPT ACTION_EXECUTED ACTION_PARTIALLY_EXECUTED ACTION_PENDING_APPROVAL ACTION_UNKNOWN ACTION_FAILED" -- "$current")); return ;;
        tm/event/list:--limit) :; return ;;
        tm/event/list:--offset) :; return ;;
        tm/event/list:--config) COMPREPLY=($(compgen -f -- "$current")); compopt -o filenames; return ;;
        tm/alert:--config) COMPREPLY=($(compgen -f -- "$current")); compopt -o filenames; return ;;
        tm/alert/add:--source) :; return ;;
        tm/alert/add:--type) :; return ;;
        tm/alert/add:--mode) COMPREPLY=($(compgen -W "EXECUTE_TXN WAKE_AGENT IGNORE" -- "$current")); return ;;
        tm/alert/add:--key) :; return ;;
        tm/alert/add:--payload) :; return ;;
        tm/alert/add:--expires) :; return ;;
        tm/alert/add:--config) COMPREPLY=($(compgen -f -- "$current")); compopt -o filenames; return ;;
        tm/alert/list:--status) COMPREPLY=($(compgen -W "RECEIVED QUEUED PROCESSED FAILED IGNORED" -- "$current")); return ;;
        tm/alert/list:--limit) :; return ;;
        tm/alert/list:--offset) :; return ;;
        tm/alert/list:--config) COMPREPLY=($(compgen -f -- "$current")); compopt -o filenames; return ;;
        tm/alert/show:--config) COMPREPLY=($(compgen -f -- "$current")); compopt -o filenames; return ;;
        tm/job:--config) COMPREPLY=($(compgen -f -- "$current")); compopt -o filenames; return ;;
        tm/job/list:--status) COMPREPLY=($(compgen -W "PENDING RUNNING SUCCEEDED FAILED" -- "$current")); return ;;
        tm/job/list:--limit) :; return ;;
        tm/job/list:--offset) :; return ;;
        tm/job/list:--config) COMPREPLY=($(compgen -f -- "$current")); compopt -o filenames; return ;;
        tm/job/show:--config) COMPREPLY=($(compgen -f -- "$current")); compopt -o filenames; return ;;
        tm/job/retry:--config) COMPREPLY=($(compgen -f -- "$current")); compopt -o filenames; return ;;
        tm/job/cancel:--config) COMPREPLY=($(compgen -f -- "$current")); compopt -o filenames; return ;;
        tm/job/resolve:--sold) :; return ;;
        tm/job/resolve:--config) COMPREPLY=($(compgen -f -- "$current")); compopt -o filenames; return ;;
        tm/execution:--config) COMPREPLY=($(compgen -f -- "$current")); compopt -o filenames; return ;;
        tm/execution/list:--rule) _tm_records rule "$current"; return ;;
        tm/execution/list:--alert) _tm_records alert "$current"; return ;;
        tm/execution/list:--limit) :; return ;;
        tm/execution/list:--offset) :; return ;;
        tm/execution/list:--config) COMPREPLY=($(compgen -f -- "$current")); compopt -o filenames; return ;;
        tm/execution/show:--config) COMPREPLY=($(compgen -f -- "$current")); compopt -o filenames; return ;;
        tm/tick:--config) COMPREPLY=($(compgen -f -- "$current")); compopt -o filenames; return ;;
        tm/serve:--port) :; return ;;
        tm/serve:--config) COMPREPLY=($(compgen -f -- "$current")); compopt -o filenames; return ;;
        tm/run:--port) :; return ;;
        tm/run:--config) COMPREPLY=($(compgen -f -- "$current")); compopt -o filenames; return ;;
        tm/start:--port) :; return ;;
        tm/start:--config) COMPREPLY=($(compgen -f -- "$current")); compopt -o filenames; return ;;
        tm/pause:--config) COMPREPLY=($(compgen -f -- "$current")); compopt -o filenames; return ;;
        tm/resume:--config) COMPREPLY=($(compgen -f -- "$current")); compopt -o filenames; return ;;
        tm/init:--config) COMPREPLY=($(compgen -f -- "$current")); compopt -o filenames; return ;;
        tm/install:--run-as) :; return ;;
        tm/install:--config) COMPREPLY=($(compgen -f -- "$current")); compopt -o filenames; return ;;
        tm/uninstall:--config) COMPREPLY=($(compgen -f -- "$current")); compopt -o filenames; return ;;
        tm/doctor:--config) COMPREPLY=($(compgen -f -- "$current")); compopt -o filenames; return ;;
        tm/skill:--config) COMPREPLY=($(compgen -f -- "$current")); compopt -o filenames; return ;;
        tm/skill/show:--config) COMPREPLY=($(compgen -f -- "$current")); compopt -o filenames; return ;;
        tm/skill/install:--workspace) :; return ;;
        tm/skill/install:--config) COMPREPLY=($(compgen -f -- "$current")); compopt -o filenames; return ;;
        tm/config:--config) COMPREPLY=($(compgen -f -- "$current")); compopt -o filenames; return ;;
        tm/config/show:--config) COMPREPLY=($(compgen -f -- "$current")); compopt -o filenames; return ;;
        tm/config/path:--config) COMPREPLY=($(compgen -f -- "$current")); compopt -o filenames; return ;;
        tm/demo:--config) COMPREPLY=($(compgen -f -- "$current")); compopt -o filenames; return ;;
        tm/paper:--config) COMPREPLY=($(compgen -f -- "$current")); compopt -o filenames; return ;;
        tm/paper/serve:--port) :; return ;;
        tm/paper/serve:--config) COMPREPLY=($(compgen -f -- "$current")); compopt -o filenames; return ;;
        tm/paper/show:--config) COMPREPLY=($(compgen -f -- "$current")); compopt -o filenames; return ;;
        tm/paper/price:--depth) :; return ;;
        tm/paper/price:--config) COMPREPLY=($(compgen -f -- "$current")); compopt -o filenames; return ;;
        tm/paper/play:--speed) :; return ;;
        tm/paper/play:--row) :; return ;;
        tm/paper/play:--config) COMPREPLY=($(compgen -f -- "$current")); compopt -o filenames; return ;;
        tm/paper/fault:--count) :; return ;;
        tm/paper/fault:--seconds) :; return ;;
        tm/paper/fault:--status) :; return ;;
        tm/paper/fault:--message) :; return ;;
        tm/paper/fault:--config) COMPREPLY=($(compgen -f -- "$current")); compopt -o filenames; return ;;
        tm/completion:--config) COMPREPLY=($(compgen -f -- "$current")); compopt -o filenames; return ;;
        tm/version:--config) COMPREPLY=($(compgen -f -- "$current")); compopt -o filenames; return ;;
    esac
    case $current in
        -*)
            case $path in
                tm) COMPREPLY=($(compgen -W "--version --json --config -h --help" -- "$current")) ;;
                tm/rule) COMPREPLY=($(compgen -W "--json --config -h --help" -- "$current")) ;;
                tm/rule/add) COMPREPLY=($(compgen -W "--stop-loss --take-profit --trailing-stop --trigger-price --activate-at --market-id --token-id --sell --expires --allow-immediate --from-json -n --dry-run --json --config -h --help" -- "$current")) ;;
                tm/rule/list) COMPREPLY=($(compgen -W "--status --limit --offset --json --config -h --help" -- "$current")) ;;
                tm/rule/show) COMPREPLY=($(compgen -W "--json --config -h --help" -- "$current")) ;;
                tm/rule/edit) COMPREPLY=($(compgen -W "--trigger-price --json --config -h --help" -- "$current")) ;;
                tm/rule/cancel) COMPREPLY=($(compgen -W "--json --config -h --help" -- "$current")) ;;
                tm/position) COMPREPLY=($(compgen -W "--json --config -h --help" -- "$current")) ;;
                tm/position/list) COMPREPLY=($(compgen -W "--limit --offset --json --config -h --help" -- "$current")) ;;
                tm/position/history) COMPREPLY=($(compgen -W "--since --limit --offset --json --config -h --help" -- "$current")) ;;
                tm/status) COMPREPLY=($(compgen -W "--json --config -h --help" -- "$current")) ;;
                tm/event) COMPREPLY=($(compgen -W "--json --config -h --help" -- "$current")) ;;
                tm/event/list) COMPREPLY=($(compgen -W "--rule --type --limit --offset --json --config -h --help" -- "$current")) ;;
                tm/alert) COMPREPLY=($(compgen -W "--json --config -h --help" -- "$current")) ;;
                tm/alert/add) COMPREPLY=($(compgen -W "--source --type --mode --key --payload --expires --json --config -h --help" -- "$current")) ;;
                tm/alert/list) COMPREPLY=($(compgen -W "--status --limit --offset --json --config -h --help" -- "$current")) ;;
                tm/alert/show) COMPREPLY=($(compgen -W "--json --config -h --help" -- "$current")) ;;
                tm/job) COMPREPLY=($(compgen -W "--json --config -h --help" -- "$current")) ;;
                tm/job/list) COMPREPLY=($(compgen -W "--status --limit --offset --json --config -h --help" -- "$current")) ;;
                tm/job/show) COMPREPLY=($(compgen -W "--json --config -h --help" -- "$current")) ;;
                tm/job/retry) COMPREPLY=($(compgen -W "--json --config -h --help" -- "$current")) ;;
                tm/job/cancel) COMPREPLY=($(compgen -W "--json --config -h --help" -- "$current")) ;;
                tm/job/resolve) COMPREPLY=($(compgen -W "--sold --not-sold --yes --json --config -h --help" -- "$current")) ;;
                tm/execution) COMPREPLY=($(compgen -W "--json --config -h --help" -- "$current")) ;;
                tm/execution/list) COMPREPLY=($(compgen -W "--rule --alert --limit --offset --json --config -h --help" -- "$current")) ;;
                tm/execution/show) COMPREPLY=($(compgen -W "--json --config -h --help" -- "$current")) ;;
                tm/tick) COMPREPLY=($(compgen -W "-n --dry-run --json --config -h --help" -- "$current")) ;;
                tm/serve) COMPREPLY=($(compgen -W "--port --json --config -h --help" -- "$current")) ;;
                tm/run) COMPREPLY=($(compgen -W "--port --json --config -h --help" -- "$current")) ;;
                tm/start) COMPREPLY=($(compgen -W "--port --json --config -h --help" -- "$current")) ;;
                tm/pause) COMPREPLY=($(compgen -W "--json --config -h --help" -- "$current")) ;;
                tm/resume) COMPREPLY=($(compgen -W "--restored --json --config -h --help" -- "$current")) ;;
                tm/init) COMPREPLY=($(compgen -W "--paper -n --dry-run --json --config -h --help" -- "$current")) ;;
                tm/install) COMPREPLY=($(compgen -W "--user --system --run-as --start --no-start -n --dry-run --json --config -h --help" -- "$current")) ;;
                tm/uninstall) COMPREPLY=($(compgen -W "--user --system -n --dry-run --json --config -h --help" -- "$current")) ;;
                tm/doctor) COMPREPLY=($(compgen -W "--json --config -h --help" -- "$current")) ;;
                tm/skill) COMPREPLY=($(compgen -W "--json --config -h --help" -- "$current")) ;;
                tm/skill/show) COMPREPLY=($(compgen -W "--json --config -h --help" -- "$current")) ;;
                tm/skill/install) COMPREPLY=($(compgen -W "--workspace -n --dry-run --json --config -h --help" -- "$current")) ;;
                tm/config) COMPREPLY=($(compgen -W "--json --config -h --help" -- "$current")) ;;
                tm/config/show) COMPREPLY=($(compgen -W "--json --config -h --help" -- "$current")) ;;
                tm/config/path) COMPREPLY=($(compgen -W "--json --config -h --help" -- "$current")) ;;
                tm/demo) COMPREPLY=($(compgen -W "--json --config -h --help" -- "$current")) ;;
                tm/paper) COMPREPLY=($(compgen -W "--json --config -h --help" -- "$current")) ;;
                tm/paper/serve) COMPREPLY=($(compgen -W "--port --fresh --json --config -h --help" -- "$current")) ;;
                tm/paper/show) COMPREPLY=($(compgen -W "--json --config -h --help" -- "$current")) ;;
                tm/paper/price) COMPREPLY=($(compgen -W "--depth --json --config -h --help" -- "$current")) ;;
                tm/paper/play) COMPREPLY=($(compgen -W "--speed --row --json --config -h --help" -- "$current")) ;;
                tm/paper/fault) COMPREPLY=($(compgen -W "--count --seconds --status --message --after --clear --json --config -h --help" -- "$current")) ;;
                tm/completion) COMPREPLY=($(compgen -W "--json --config -h --help" -- "$current")) ;;
                tm/version) COMPREPLY=($(compgen -W "--json --config -h --help" -- "$current")) ;;
            esac
            return ;;
    esac
    case "$path:$place" in
        tm:0) COMPREPLY=($(compgen -W "rule position status event alert job execution tick serve run start pause resume init install uninstall doctor skill config demo paper completion version" -- "$current")) ;;
        tm/rule:0) COMPREPLY=($(compgen -W "add list show edit cancel" -- "$current")) ;;
        tm/rule/add:0) _tm_records position "$current"; ;;
        tm/rule/show:0) _tm_records rule "$current"; ;;
        tm/rule/edit:0) _tm_records rule "$current"; ;;
        tm/rule/cancel:0) _tm_records rule "$current"; ;;
        tm/position:0) COMPREPLY=($(compgen -W "list history" -- "$current")) ;;
        tm/position/history:0) _tm_records position "$current"; ;;
        tm/event:0) COMPREPLY=($(compgen -W "list" -- "$current")) ;;
        tm/alert:0) COMPREPLY=($(compgen -W "add list show" -- "$current")) ;;
        tm/alert/show:0) _tm_records alert "$current"; ;;
        tm/job:0) COMPREPLY=($(compgen -W "list show retry cancel resolve" -- "$current")) ;;
        tm/job/show:0) _tm_records job "$current"; ;;
        tm/job/retry:0) _tm_records job "$current"; ;;
        tm/job/cancel:0) _tm_records job "$current"; ;;
        tm/job/resolve:0) _tm_records job "$current"; ;;
        tm/execution:0) COMPREPLY=($(compgen -W "list show" -- "$current")) ;;
        tm/execution/show:0) _tm_records execution "$current"; ;;
        tm/pause:0) :; ;;
        tm/skill:0) COMPREPLY=($(compgen -W "show install" -- "$current")) ;;
        tm/config:0) COMPREPLY=($(compgen -W "show path" -- "$current")) ;;
        tm/paper:0) COMPREPLY=($(compgen -W "serve show price play fault" -- "$current")) ;;
        tm/paper/price:0) _tm_records position "$current"; ;;
        tm/paper/price:1) :; ;;
        tm/paper/price:2) :; ;;
        tm/paper/play:0) _tm_records position "$current"; ;;
        tm/paper/play:1) :; ;;
        tm/paper/fault:0) :; ;;
        tm/paper/fault:1) :; ;;
        tm/completion:0) COMPREPLY=($(compgen -W "bash zsh fish" -- "$current")); ;;
    esac
}

complete -F _tm tm trade-manager
