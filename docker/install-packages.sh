#!/usr/bin/env bash
# Installs the system packages of docker/apt-packages.txt that are missing, and nothing when none is.
# Usage: install-packages.sh run|test|bench [LIST]     (test: those for running and those for testing; bench likewise)
set -euo pipefail
cd "$(dirname "$0")/.."
. docker/steps.sh

purpose=${1:-run}
list=${2:-docker/apt-packages.txt}
python=${PYTHON:-python3}

# wanted: the packages of the list for our purpose, one a line.
wanted() {
  awk -v purpose="$purpose" '!/^#/ && ($2 == "run" || $2 == purpose) { print $1 }' "$list"
}

# there PACKAGE: what it brings is on this machine, be it from this package or from elsewhere.
there() {
  if [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; then
    return 0
  fi
  case $1 in
    postgresql) newest_server postgres >/dev/null ;;
    postgresql-postgis) newest_server postgis >/dev/null ;;
    python3-venv) "$python" -c 'import ensurepip, venv' 2>/dev/null ;;
    git) command -v git ;;
    gdal-bin) command -v ogr2ogr ;;
    chromium) command -v chromium || command -v chromium-browser || command -v google-chrome ;;
    *) return 1 ;;
  esac >/dev/null
}

# newest_server PART: the newest PostgreSQL of at least 15 that has the part.
newest_server() {
  local folder major found=1
  for folder in /usr/lib/postgresql/*/bin; do
    major=$(basename "$(dirname "$folder")")
    if [ ! -x "$folder/postgres" ] || [ "$major" -lt 15 ]; then
      continue
    fi
    if [ "$1" = postgres ] || [ -f "/usr/share/postgresql/$major/extension/postgis.control" ]; then
      echo "$major"
      found=0
    fi
  done
  return $found
}

missing=()
for package in $(wanted); do
  there "$package" || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
  exit 0
fi

command -v apt-get >/dev/null || fail "This is not Debian or Ubuntu, so make cannot install what is missing: ${missing[*]}. \
Install PostgreSQL 15 or newer with PostGIS 3.3 or newer (and Chromium for the tests) by your system's own tool, then run the same command again."

install="apt-get install -y --no-install-recommends ${missing[*]}"
if [ "$(id -u)" -eq 0 ]; then
  as_root=(env)
elif command -v sudo >/dev/null && { sudo -n true 2>/dev/null || { [ -t 0 ] && sudo true; }; }; then
  as_root=(sudo env)
else
  fail "System packages are missing, and you are neither root nor allowed to use sudo. Ask an administrator to run
  apt-get update && $install
then run the same command again."
fi
need_space /usr

# The package would start a server of its own at boot; gridsvc brings its own up when it runs.
drop_in=/etc/postgresql-common/createcluster.d/gridsvc.conf
if ! ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 && [ ! -e "$drop_in" ]; then
  "${as_root[@]}" mkdir -p "$(dirname "$drop_in")"
  printf '# gridsvc starts its own server; to have the system make one again, delete this file.\ncreate_main_cluster = false\n' |
    "${as_root[@]}" tee "$drop_in" >/dev/null
fi

apt() {
  "${as_root[@]}" DEBIAN_FRONTEND=noninteractive LC_ALL=C apt-get -o DPkg::Lock::Timeout=600 "$@"
}

# A list of some other repository that cannot be read must not stop us; a missing package shows below.
update_lists() {
  apt update || true
}

install_missing() {
  if ! apt install -y --no-install-recommends "${missing[@]}"; then
    grep -E '^(W|E|Err)' .build/apt-update.log || true # the reason may lie there
    return 1
  fi
}

step "Reading the list of system packages" apt-update "Run 'apt-get update' by hand; it says more." update_lists
step "Installing system packages: ${missing[*]}" apt-install \
  "Run '$install' by hand; it says more. (Where a package has another name, e.g. Chromium on Ubuntu, install it your way: what is there is not asked for again.)" \
  install_missing
