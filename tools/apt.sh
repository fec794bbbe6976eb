#!/bin/sh
# Installs those of the named Debian packages that are missing. Without root or sudo it says what to install and fails.
# Their services are not started: the tests start servers of their own.
set -eu

missing=""
for package in "$@"; do
    case "$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)" in
        *"ok installed") ;;
        *) missing="$missing $package" ;;
    esac
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "Please install with your package manager what Debian calls:$missing" >&2
    exit 1
fi
if [ "$(id -u)" = 0 ]; then
    as_root=""
elif command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
    as_root="sudo"
else
    echo "Missing packages. Please let root run:" >&2
    echo "    apt-get update && apt-get install -y --no-install-recommends$missing" >&2
    exit 1
fi

echo "Installing Debian packages:$missing"
# shellcheck disable=SC2086
$as_root sh -c '
    set -eu
    log=$(mktemp)
    guard=/usr/sbin/policy-rc.d
    trap "rm -f \"\$log\"" EXIT
    if [ ! -e "$guard" ]; then
        trap "rm -f \"\$log\" $guard" EXIT
        printf "#!/bin/sh\nexit 101\n" >"$guard"
        chmod 755 "$guard"
    fi
    export DEBIAN_FRONTEND=noninteractive
    echo "postfix postfix/main_mailer_type select No configuration" | debconf-set-selections
    apt_get() { apt-get -qq -o DPkg::Lock::Timeout=600 "$@" >>"$log" 2>&1; }
    if ! apt_get update || ! apt_get install -y --no-install-recommends "$@"; then
        cat "$log" >&2
        exit 1
    fi
' sh $missing
