"""The scripts that tie shells to ``__complete``; see :mod:`polypod.cli.complete`.

A directive is a sum: 1 error, 2 no space after the word, 4 no file names, 16 folders only.
"""

from __future__ import annotations

_BASH = r"""# bash completion for PROG

__FUNC() {
    local cur line word index directive=0 prefix="" longest=0 glue=""
    local -a found=() words=()
    # readline parts words at "=" and ":"; here they belong together.
    for ((index = 0; index <= COMP_CWORD; index++)); do
        word=${COMP_WORDS[index]}
        if [[ -n $glue || ($index -gt 0 && $word == [=:]*) ]]; then
            words[${#words[@]}-1]+=$word
        else
            words+=("$word")
        fi
        if [[ $word == [=:] ]]; then glue=1; else glue=""; fi
    done
    cur=${words[${#words[@]}-1]}
    COMPREPLY=()
    while IFS= read -r line; do
        case $line in
            :*) directive=${line#:} ;;
            *) found+=("$line") ;;
        esac
    done < <("${words[0]}" REQUEST "${words[@]:1}" 2>/dev/null)
    if ((directive & 1)); then return; fi
    if ((directive & 2)); then compopt -o nospace 2>/dev/null; fi
    if [[ $cur == -*=* ]]; then prefix=${cur%%=*}=; fi
    for line in "${found[@]}"; do
        word=$prefix${line%%$'\t'*}
        if [[ $word == "$cur"* ]]; then COMPREPLY+=("$word"); fi
        if ((${#word} > longest)); then longest=${#word}; fi
    done
    if ((${#COMPREPLY[@]} == 0)); then
        if ((directive & 16)); then
            compopt -o dirnames 2>/dev/null
            COMPREPLY=($(compgen -P "$prefix" -d -- "${cur#"$prefix"}"))
        elif ((!(directive & 4))); then
            compopt -o default 2>/dev/null
            COMPREPLY=($(compgen -P "$prefix" -f -- "${cur#"$prefix"}"))
        fi
    elif ((${#COMPREPLY[@]} > 1)) && [[ ${COMP_TYPE:-9} != 37 ]]; then
        # Several: show each with its description, while their common part is inserted.
        local common=${COMPREPLY[0]}
        for word in "${COMPREPLY[@]}"; do
            while [[ $word != "$common"* ]]; do common=${common%?}; done
        done
        if [[ $common == "$cur" ]]; then
            COMPREPLY=()
            for line in "${found[@]}"; do
                word=${line%%$'\t'*}
                if [[ $line == *$'\t'* ]]; then
                    printf -v line "%-*s  (%s)" "$longest" "$word" "${line#*$'\t'}"
                fi
                COMPREPLY+=("$line")
            done
        fi
    fi
    # readline parts words at ":" and "=": what stands before it must not come twice.
    if [[ $cur == *[:=]* && $COMP_WORDBREAKS == *[:=]* ]]; then
        local part=${cur%"${cur##*[:=]}"}
        for index in "${!COMPREPLY[@]}"; do COMPREPLY[index]=${COMPREPLY[index]#"$part"}; done
    fi
}

complete -o bashdefault -F __FUNC PROG
"""

_ZSH = r"""#compdef PROG

__FUNC() {
    local -a found plain described
    local line word directive=0
    local -a asked=("${(@Q)words[1]}" REQUEST "${(@)words[2,CURRENT-1]}" "${words[CURRENT]}")
    while IFS= read -r line; do
        case $line in
            :*) directive=${line#:} ;;
            *) found+=("$line") ;;
        esac
    done < <("${asked[@]}" 2>/dev/null)
    if ((directive & 1)); then return 1; fi
    if [[ ${words[CURRENT]} == -*=* ]]; then compset -P '*='; fi
    for line in "${found[@]}"; do
        word=${line%%$'\t'*}
        word=${word//:/\\:}
        if [[ $line == *$'\t'* ]]; then
            described+=("$word:${line#*$'\t'}")
        else
            described+=("$word")
        fi
    done
    local -a options=()
    if ((directive & 2)); then options=(-S ''); fi
    if ((${#described})); then
        _describe -V 'completions' described "${options[@]}" && return 0
    fi
    if ((directive & 16)); then
        _files -/
    elif ((!(directive & 4))); then
        _files
    fi
}

if [[ $funcstack[1] == "_PROG" ]]; then
    __FUNC "$@"
else
    compdef __FUNC PROG
fi
"""

_FISH = r"""# fish completion for PROG

function __FUNC_ask
    set -l typed (commandline -ct)
    set -l words (commandline -opc)
    $words[1] REQUEST $words[2..-1] $typed 2>/dev/null
end

function __FUNC
    set -l answer (__FUNC_ask)
    set -l directive (string replace -r '^:' '' -- $answer[-1])
    set -l found $answer[1..-2]
    set -l typed (commandline -ct)
    set -l prefix (string match -r -- '^-[^=]*=' $typed)
    if test (count $found) -eq 0
        if test (math "floor($directive / 16) % 2") -eq 1
            __fish_complete_directories $typed
        else if test (math "floor($directive / 4) % 2") -eq 0
            __fish_complete_path $typed
        end
        return
    end
    for line in $found
        printf '%s%s\n' "$prefix" $line
    end
end

complete -c PROG -e
complete -c PROG -f -k -a '(__FUNC)'
"""

_SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


def script(shell: str, prog: str, descriptions: bool) -> str:
    """The script for ``bash``, ``zsh`` or ``fish`` and a program of that name."""
    request = "__complete" if descriptions else "__completeNoDesc"
    function = "".join(c if c.isalnum() else "_" for c in prog) + "_complete"
    text = _SCRIPTS[shell].replace("REQUEST", request)
    # Longest first, "_PROG" is zsh's name for the file's own function.
    return text.replace("__FUNC", "__" + function).replace("PROG", prog)
