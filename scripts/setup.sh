#!/usr/bin/env bash
# Installs what is missing. Can be run again at any time and interrupted at any time: each step leaves its result in one
# move, and what is done is not done again.
#
# usage: scripts/setup.sh [STEP...]     STEP: packages bench-packages prometheus victoriametrics k6 percli issuer schemathesis; all of them by default
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

main() {
  local wanted=("$@") began=$SECONDS name
  ((${#wanted[@]})) || wanted=(packages bench-packages prometheus victoriametrics k6 percli issuer schemathesis)
  mkdir -p "$BIN" "$STAMPS"
  one_at_a_time
  check_toolchains "${wanted[@]}"
  for name in "${wanted[@]}"; do
    case "$name" in
      packages) packages base ;;
      bench-packages) packages bench ;;
      prometheus)
        go_tool prometheus remove_all_sd "-X github.com/prometheus/common/version.Version=3.16.0" \
          github.com/prometheus/prometheus/cmd/prometheus github.com/prometheus/prometheus/cmd/promtool
        ;;
      victoriametrics) go_tool victoriametrics "" "" github.com/VictoriaMetrics/VictoriaMetrics/app/victoria-metrics ;;
      k6) go_tool k6 "" "" go.k6.io/k6 ;;
      percli) go_tool percli "" "" github.com/perses/perses/cmd/percli ;;
      issuer) npm_packages tests/oidc/issuer ;;
      schemathesis) python_tool schemathesis ;;
      *) die "there is no set-up step '$name'; there are: packages bench-packages prometheus victoriametrics k6 percli issuer schemathesis" ;;
    esac
  done
  note "set-up is complete ($((SECONDS - began)) s)"
}

# Two set-ups at once would build the same things twice.
one_at_a_time() {
  command -v flock >/dev/null || return 0
  exec 9>"$CACHE/setup.lock"
  if ! flock -n 9; then
    note "another set-up is running: waiting for it"
    flock 9
  fi
}

# Compilers are the one thing that is not installed here: everybody has an own way to get them.
check_toolchains() {
  step "looking for Rust, Go and Node"
  local missing=0
  need cargo 1.95 "$(cargo --version 2>/dev/null | cut -d' ' -f2)" "Rust: https://rustup.rs" || missing=1
  if [[ " $* " == *" prometheus "* || " $* " == *" victoriametrics "* || " $* " == *" k6 "* || " $* " == *" percli "* ]]; then
    # Go 1.21 and later fetch the tool chain that a go.mod asks for.
    need go 1.21 "$(go env GOVERSION 2>/dev/null | sed 's/^go//')" "Go: https://go.dev/dl" || missing=1
  fi
  if [[ " $* " == *" issuer "* && -f "$ROOT/tests/oidc/issuer/package-lock.json" ]]; then
    need node 20 "$(node --version 2>/dev/null | sed 's/^v//')" "Node: https://nodejs.org or the package nodejs" || missing=1
    need npm 9 "$(npm --version 2>/dev/null)" "npm comes with Node, or as the package npm" || missing=1
  fi
  ((missing == 0)) || die "install what is named above, then run the same command again"
}

# usage: need COMMAND LEAST FOUND WHERE
need() {
  if [[ -z "$3" ]]; then
    printf 'missing: %s, %s or later (%s)\n' "$1" "$2" "$4" >&2
    return 1
  fi
  if [[ "$(printf '%s\n%s\n' "$2" "$3" | sort -V | head -n 1)" != "$2" ]]; then
    printf 'too old: %s %s, needed is %s or later (%s)\n' "$1" "$3" "$2" "$4" >&2
    return 1
  fi
  note "$1 $3"
}

# Installs the packages of one group whose command is missing.
packages() {
  local group="$1" package command service kind rest wanted=() services=""
  step "Debian packages ($group)"
  while read -r package command service kind rest; do
    [[ "$package" == \#* || -z "$package" || "$kind" != "$group" ]] && continue
    # Commands of administrators are not on everybody's path.
    PATH="$PATH:/usr/sbin:/sbin" command -v "$command" >/dev/null && continue
    wanted+=("$package")
    [[ "$service" == - ]] || services+=" $service"
    note "$package is missing${rest:+ (${rest#\# })}"
  done <"$ROOT/scripts/packages.txt"
  if ((${#wanted[@]} == 0)); then
    note "all there"
    return
  fi
  command -v apt-get >/dev/null || die "this is no Debian or Ubuntu: install ${wanted[*]} (or what they are called here) yourself, then run this again"
  install_packages "$services" "${wanted[@]}"
}

# usage: install_packages "SERVICE..." PACKAGE...
install_packages() {
  local services="$1" service sudo=() apt
  shift
  if ((EUID != 0)); then
    command -v sudo >/dev/null || die "not root and no sudo: run as root: apt-get install $*"
    sudo=(sudo)
    # Asks for a password only where there is somebody to type it.
    if ! sudo -n true 2>/dev/null; then
      [[ -t 0 && -z "${CI:-}" ]] || die "sudo wants a password: run 'sudo apt-get install $*' yourself, then this again"
      sudo -v
    fi
  fi
  apt=("${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 -y --no-install-recommends)
  # The lists are fetched only when a package is not in those that are there.
  if ! apt-cache show "$@" >/dev/null 2>&1; then
    patiently "$CACHE/log/apt-update.log" "${apt[@]}" update
  fi
  hold_services "${sudo[@]}"
  # Lists may be there but too old to name files that still exist.
  if ! (patiently "$CACHE/log/apt-install.log" "${apt[@]}" install "$@"); then
    note "once more with fresh lists"
    patiently "$CACHE/log/apt-update.log" "${apt[@]}" update
    patiently "$CACHE/log/apt-install.log" "${apt[@]}" install "$@"
  fi
  release_services
  for service in $services; do
    if command -v systemctl >/dev/null; then "${sudo[@]}" systemctl disable --now "$service" >/dev/null 2>&1 || true; fi
  done
}

# Debian starts services on installation unless this file says no; it goes away again whatever happens.
hold_services() {
  HOLD=/usr/sbin/policy-rc.d
  HOLD_SUDO=("$@")
  if [[ -e "$HOLD" ]]; then
    HOLD=""
    return
  fi
  trap release_services EXIT
  printf '#!/bin/sh\nexit 101\n' | "${HOLD_SUDO[@]}" tee "$HOLD" >/dev/null
  "${HOLD_SUDO[@]}" chmod 755 "$HOLD"
}

release_services() {
  if [[ -n "${HOLD:-}" ]]; then "${HOLD_SUDO[@]}" rm -f "$HOLD"; fi
  HOLD=""
}

# Builds the commands of tools/NAME into .cache/bin. usage: go_tool NAME TAGS LINKER_FLAGS PACKAGE...
go_tool() {
  local name="$1" tags="$2" flags="$3" package print fresh=1 building
  shift 3
  step "$name, from tools/$name/go.mod"
  print="$(fingerprint "$ROOT/tools/$name/go.mod" "$ROOT/tools/$name/go.sum" "$tags" "$flags")"
  is_done "$name" "$print" || fresh=0
  for package in "$@"; do
    [[ -x "$BIN/${package##*/}" ]] || fresh=0
  done
  if ((fresh)); then
    note "already built"
    return
  fi
  note "downloading and building, once: some minutes on two cores"
  building="$BIN/.building-$name"
  rm -rf "$building"
  mkdir -p "$building"
  patiently "$CACHE/log/build-$name.log" env -C "$ROOT/tools/$name" CGO_ENABLED=0 GOFLAGS=-mod=readonly \
    go build -v -trimpath -tags "$tags" -ldflags "-s -w $flags" -o "$building/" "$@"
  for package in "$@"; do
    mv "$building/${package##*/}" "$BIN/"
  done
  rm -rf "$building"
  mark_done "$name" "$print"
}

# usage: npm_packages FOLDER
npm_packages() {
  local folder="$1" print
  step "npm packages of $folder"
  if [[ ! -f "$ROOT/$folder/package-lock.json" ]]; then
    note "nothing to install"
    return
  fi
  print="$(fingerprint "$ROOT/$folder/package-lock.json" "$(node --version)")"
  if [[ -d "$ROOT/$folder/node_modules" ]] && is_done npm-issuer "$print"; then
    note "already installed"
    return
  fi
  patiently "$CACHE/log/npm-issuer.log" npm --prefix "$ROOT/$folder" ci --no-audit --no-fund --ignore-scripts
  mark_done npm-issuer "$print"
}

# Installs the packages of tools/NAME into an environment of their own, and its command into .cache/bin. usage: python_tool NAME
python_tool() {
  local name="$1" print home="$CACHE/python/$1"
  step "$name, from tools/$name/requirements.txt"
  # The environment knows its own place and its Python: elsewhere, or with another one, it is made anew.
  print="$(fingerprint "$ROOT/tools/$name/requirements.txt" "$home" "$(python3 --version 2>/dev/null)")"
  if is_done "$name" "$print" && [[ -x "$BIN/$name" ]]; then
    note "already installed"
    return
  fi
  # Debian keeps this part of Python in a package of its own.
  python3 -c 'import ensurepip' 2>/dev/null || install_packages "" python3-venv
  rm -rf "$home"
  python3 -m venv "$home" || die "python3 cannot make an environment: Python 3.10 or later is needed, with venv"
  patiently "$CACHE/log/pip-$name.log" "$home/bin/pip" install --disable-pip-version-check --no-input --only-binary :all: \
    --requirement "$ROOT/tools/$name/requirements.txt"
  ln -sfn "../python/$name/bin/$name" "$BIN/$name"
  mark_done "$name" "$print"
}

main "$@"
