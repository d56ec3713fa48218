# shellcheck shell=bash
# Sourced by the scripts beside it: finds Pythons, keeps virtual environments up to date, runs steps and counts them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

export AFRESH_SEED=${AFRESH_SEED:-$((RANDOM * 32768 + RANDOM))}
export AFRESH_SIZE=${AFRESH_SIZE:-small}
passed=0 failed=0 failures=""

say() { printf '%s\n' "$*" >&2; }

# The Python that .venv is made from: $PYTHON, or the first on PATH that is new enough.
find_python() {
  local candidate
  for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$candidate"
      return
    fi
  done
  say "afresh needs Python 3.11 or newer. ${PYTHON:-python3} here is: $("${PYTHON:-python3}" --version 2>&1 || true)"
  say "Install one (Debian: apt-get install python3 python3-venv), or name it: PYTHON=/path/to/python $0"
  return 1
}

# A particular Python, "3.12": on PATH, or one of pyenv's. Running it is the only proof: pyenv puts
# shims on PATH for versions that are installed but not chosen.
find_version() {
  local candidate
  for candidate in "python$1" "${PYENV_ROOT:-$HOME/.pyenv}/versions/$1".*/bin/python; do
    if "$candidate" -c '' 2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
  return 1
}

# environment FOLDER PYTHON GROUP…: a virtual environment with afresh (editable) and these dependency
# groups; made again when Python or the folder's place changes, installed again when pyproject.toml does.
environment() {
  local folder=$1 python=$2 place wanted group groups=()
  shift 2
  for group in "$@"; do groups+=(--group "$group"); done
  place="$("$python" --version) in $PWD"
  wanted="$place with $* of $(cksum <pyproject.toml)"
  if [ "$(cat "$folder/installed" 2>/dev/null || true)" = "$wanted" ]; then return; fi
  case "$(cat "$folder/installed" 2>/dev/null || true)" in
    "$place with"*) ;;
    *)
      say "== $folder: a new environment for $place"
      if ! "$python" -m venv --clear "$folder"; then
        say "$python can't make virtual environments. On Debian: apt-get install python3-venv"
        return 1
      fi
      ;;
  esac
  say "== $folder: installing $* (a minute or two, the first time)"
  "$folder/bin/python" -m pip install --quiet --upgrade "pip>=25.1"
  "$folder/bin/python" -m pip install --quiet --editable . "${groups[@]}"
  echo "$wanted" >"$folder/installed"
}

# step "what" COMMAND…: runs it, says how long it took, and goes on when it fails.
step() {
  local what=$1 started=$SECONDS status
  shift
  printf '\n== %s\n' "$what"
  set +e
  (set -e && "$@")
  status=$?
  set -e
  if [ $status = 0 ]; then
    passed=$((passed + 1))
    printf -- '-- %s: done in %s s\n' "$what" $((SECONDS - started))
  else
    failed=$((failed + 1)) failures="$failures  $what"$'\n'
    printf -- '-- %s: FAILED after %s s (status %s)\n' "$what" $((SECONDS - started)) $status
  fi
}

# The last lines: what failed, how to repeat it, and one line that counts.
finish() {
  printf '\n%s s in all, AFRESH_SEED=%s AFRESH_SIZE=%s\n' "$SECONDS" "$AFRESH_SEED" "$AFRESH_SIZE"
  if [ $failed != 0 ]; then printf 'Failed:\n%s' "$failures"; fi
  printf 'steps: %s passed, %s failed\n' $passed $failed
  [ $failed = 0 ]
}

# pytest_in FOLDER ARGUMENT…: pytest of that environment, with the printed seed.
pytest_in() {
  local folder=$1
  shift
  "$folder/bin/python" -m pytest --hypothesis-seed="$AFRESH_SEED" "$@"
}

# What needs no test run: the same in scripts/check and scripts/test.
static_steps() {
  step "format (ruff format; to mend it: .venv/bin/ruff format .)" .venv/bin/ruff format --check .
  step "lint (ruff)" .venv/bin/ruff check .
  step "types (mypy, strict)" .venv/bin/mypy
  step "layers (import-linter)" .venv/bin/lint-imports --no-logo
}

# Servers that suites need: Debian's packages are installed here; others come as wheels, with the group "dev".
# Arguments name more programs in /usr/bin that are needed.
install_servers() {
  local package missing=()
  for package in redis-server memcached "$@"; do
    if ! [ -x "/usr/bin/$package" ]; then missing+=("$package"); fi
  done
  if ! compgen -G "/usr/lib/postgresql/*/bin/postgres" >/dev/null; then missing+=(postgresql); fi
  for package in nginx varnish; do
    if ! [ -x "/usr/sbin/$package" ] && ! [ -x "/usr/sbin/${package}d" ]; then missing+=("$package"); fi
  done
  if ! compgen -G "/usr/lib/*/varnish/vmods/libvmod_xkey.so" >/dev/null; then missing+=(varnish-modules); fi
  if ! [ -x /usr/bin/chromedriver ]; then missing+=(chromium chromium-driver); fi
  if [ ${#missing[@]} = 0 ]; then return; fi
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    say "The tests start ${missing[*]}. Install them first (Debian: sudo apt-get install ${missing[*]})."
    return 1
  fi
  say "== installing ${missing[*]}"
  apt-get update -qq
  # The tests start servers of their own: those of the package are not to run.
  RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}
