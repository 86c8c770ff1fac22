#!/bin/sh
# Kiem tra goi chung cu nay. Checks this evidence pack.
#
#   sh verify.sh [CERTIFICATE_SHA256 [LOG_VKEY]]
#
# CERTIFICATE_SHA256: the first system certificate, as the archive published it; LOG_VKEY: the
# verifier key of its log, or of an earlier one that it had. Without them both are taken from the
# pack, and the verdict says so.
# PACK=DIR in the environment: where the pack is, when this file is a copy from elsewhere.
# LOG_VERIFIER=PROGRAM in the environment: asked besides, as PROGRAM proof FILE VKEY ENTRY.
# TSA_ROOTS=FILE.pem in the environment: the only certificates by which time tokens are believed.
#
# Needs what a bare Debian has (sh, awk, sed, grep, find, coreutils) and openssl 3. Changes nothing.
# Exit: 0 genuine; 1 not genuine; 2 it could not be checked.

set -u
LC_ALL=C
export LC_ALL
unset CDPATH
umask 077
# What was named from where we were called.
case ${LOG_VERIFIER-} in /* | "") ;; */*) LOG_VERIFIER=$PWD/$LOG_VERIFIER ;; esac
case ${TSA_ROOTS-} in /* | "") ;; *) TSA_ROOTS=$PWD/$TSA_ROOTS ;; esac
if [ -n "${TSA_ROOTS-}" ] && [ ! -f "$TSA_ROOTS" ]; then
    printf 'KHÔNG CÓ TỆP TSA_ROOTS · NO SUCH FILE, TSA_ROOTS: %s\n' "$TSA_ROOTS" >&2
    exit 2
fi
if ! cd -- "${PACK:-$(dirname -- "$0")}" 2>/dev/null; then
    printf 'KHÔNG MỞ ĐƯỢC THƯ MỤC CỦA GÓI · THE FOLDER OF THE PACK CANNOT BE OPENED\n' >&2
    exit 2
fi

for tool in openssl sha256sum awk sed grep find xargs sort head tr cat date mktemp mkdir mv rm; do
    if ! command -v "$tool" >/dev/null 2>&1; then
        printf 'THIẾU CÔNG CỤ · TOOL MISSING: %s\n' "$tool" >&2
        exit 2
    fi
done
# As openssl prints it, as the archive does, or as somebody typed it.
pinned_certificate=$(printf '%s' "${1-}" | tr 'A-Z' 'a-z' | sed 's/^.*=//; s/^sha256//' | tr -d ': \t')
case ${#pinned_certificate}:$pinned_certificate in
0:) [ "$#" -lt 1 ] || [ -z "$1" ] || pinned_certificate=- ;;
64:*[!0-9a-f]*) pinned_certificate=- ;;
64:*) ;;
*) pinned_certificate=- ;;
esac
if [ "$pinned_certificate" = - ]; then
    printf 'KHÔNG PHẢI SHA-256 CỦA MỘT CHỨNG THƯ (64 chữ số hex) · NOT THE SHA-256 OF A CERTIFICATE\n' >&2
    printf 'sh verify.sh [CERTIFICATE_SHA256 [LOG_VKEY]]\n' >&2
    exit 2
fi
pinned_key=${2-}

T=$(mktemp -d) || exit 2
trap 'rm -rf "$T"' EXIT
trap 'exit 2' HUP INT TERM
: >"$T/faults"
: >"$T/notes"
: >"$T/disclosed"
TAB=$(printf '\t')

# fault FILE VIETNAMESE ENGLISH: what keeps the pack from being genuine.
fault() {
    printf '%s\t%s\t%s\n' "$1" "$2" "$3" >>"$T/faults"
}

# note VIETNAMESE ENGLISH: what a reader of the verdict must know.
note() {
    printf '%s\t%s\n' "$1" "$2" >>"$T/notes"
}

# A check that did not run is no check that was passed.
unchecked() {
    fault verify.sh 'một bước kiểm tra không chạy được' 'a check could not be run'
}

# Functions that the awk programs below share. Bytes are characters (LC_ALL=C).
COMMON='
function fault(file, vi, en) { printf "%s\t%s\t%s\n", file, vi, en >> (T "/faults") }
function prepare(    i, url, plain) {
    url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    for (i = 0; i < 64; i++) {
        URL[substr(url, i + 1, 1)] = i
        PLAIN[substr(plain, i + 1, 1)] = i
        LETTER[i] = substr(url, i + 1, 1)
        STANDARD[i] = substr(plain, i + 1, 1)
    }
    for (i = 0; i < 16; i++) { DIGIT[i] = substr("0123456789abcdef", i + 1, 1) }
    for (i = 0; i < 16; i++) { VALUE[DIGIT[i]] = i }
    for (i = 0; i < 256; i++) {
        HEX[i] = DIGIT[int(i / 16)] DIGIT[i % 16]
        OCTAL[HEX[i]] = sprintf("\\%03o", i)
        if (i) { CHARACTER[i] = sprintf("%c", i) }
    }
}
# Base64url without padding to hexadecimal; "" for what no encoder writes.
function url_hex(text,    n, i, c, v, bits, out) {
    n = length(text)
    if (n % 4 == 1) { return "" }
    for (i = 1; i <= n; i++) {
        c = substr(text, i, 1)
        if (!(c in URL)) { return "" }
        v = v * 64 + URL[c]
        bits += 6
        if (bits >= 8) {
            bits -= 8
            out = out HEX[int(v / 2 ^ bits)]
            v = v % 2 ^ bits
        }
    }
    return v ? "" : out
}
# Base64 with padding to hexadecimal, as strict.
function plain_hex(text,    n, c) {
    n = length(text)
    if (n % 4 || text ~ /[-_]/) { return "" }
    sub(/==?$/, "", text)
    if (n - length(text) != (4 - length(text) % 4) % 4) { return "" }
    gsub(/\+/, "-", text)
    gsub(/\//, "_", text)
    return url_hex(text)
}
# Base64url to the bytes; "" for what no encoder writes or what holds a zero byte.
function decoded(text,    n, i, c, v, bits, part, out) {
    n = length(text)
    if (n % 4 == 1) { return "" }
    for (i = 1; i <= n; i++) {
        c = substr(text, i, 1)
        if (!(c in URL)) { return "" }
        v = v * 64 + URL[c]
        bits += 6
        if (bits >= 8) {
            bits -= 8
            c = int(v / 2 ^ bits)
            if (!c) { return "" }
            part = part CHARACTER[c]
            v = v % 2 ^ bits
            if (length(part) > 500) { out = out part; part = "" }
        }
    }
    return v ? "" : out part
}
# Hexadecimal to base64url without padding.
function hex_url(hex,    i, v, bits, out) {
    for (i = 1; i <= length(hex); i += 2) {
        v = v * 256 + VALUE[substr(hex, i, 1)] * 16 + VALUE[substr(hex, i + 1, 1)]
        bits += 8
        while (bits >= 6) {
            bits -= 6
            out = out LETTER[int(v / 2 ^ bits)]
            v = v % 2 ^ bits
        }
    }
    if (bits) { out = out LETTER[v * 2 ^ (6 - bits)] }
    return out
}
# Hexadecimal to what printf turns into the bytes.
function escapes(hex,    i, out) {
    for (i = 1; i <= length(hex); i += 2) { out = out OCTAL[substr(hex, i, 2)] }
    return out
}
# The DER of one half of an ECDSA signature.
function integer(hex) {
    while (substr(hex, 1, 2) == "00" && length(hex) > 2) { hex = substr(hex, 3) }
    if (substr(hex, 1, 1) ~ /[89a-f]/) { hex = "00" hex }
    return "02" HEX[length(hex) / 2] hex
}
function der(hex,    both) {
    both = integer(substr(hex, 1, 64)) integer(substr(hex, 65))
    return "30" HEX[length(both) / 2] both
}
# Strict JSON into WHAT[path]; BAD is set for anything else. Paths: .data._sd[0], .by.role
function json(text) {
    split("", WHAT)
    split("", KIND)
    J = text; P = 1; BAD = 0
    json_value("")
    if (P <= length(J)) { BAD = 1 }
}
function json_string(    i, c, found) {
    i = P + 1
    while ((c = substr(J, i, 1)) != "\"") {
        if (c == "") { BAD = 1; P = length(J) + 1; return "" }
        i += c == "\\" ? 2 : 1
    }
    found = substr(J, P + 1, i - P - 1)
    P = i + 1
    return found
}
function json_value(path,    c, key, n) {
    if (BAD) { return }
    if (path in KIND) { BAD = 1; return }
    c = substr(J, P, 1)
    if (c == "\"") { KIND[path] = "s"; WHAT[path] = json_string(); return }
    if (c == "{" || c == "[") {
        KIND[path] = c
        P++
        if (substr(J, P, 1) == (c == "{" ? "}" : "]")) { P++; return }
        while (!BAD) {
            if (c == "{") {
                if (substr(J, P, 1) != "\"") { BAD = 1; return }
                key = json_string()
                if (key ~ /[\\.\[]/ || substr(J, P, 1) != ":") { BAD = 1; return }
                P++
                json_value(path "." key)
            } else {
                json_value(path "[" n++ "]")
            }
            if (substr(J, P, 1) == ",") { P++; continue }
            if (substr(J, P, 1) != (c == "{" ? "}" : "]")) { BAD = 1 }
            P++
            return
        }
        return
    }
    if (match(substr(J, P, 30), /^(true|false|null|-?[0-9]+)/)) {
        KIND[path] = "l"
        WHAT[path] = substr(J, P, RLENGTH)
        P += RLENGTH
        return
    }
    BAD = 1
}
# A compact JWS: TYPE must be its type. Sets KEY (certificate) and SIGNATURE (DER), hexadecimal, and
# leaves the payload in WHAT. True when it has the form.
function jws(line, type,    part, hex) {
    if (split(line, part, ".") != 3) { return 0 }
    json(decoded(part[1]))
    if (BAD || WHAT[".alg"] != "ES256" || WHAT[".typ"] != type) { return 0 }
    KEY = url_hex(WHAT[".x5t#S256"])
    hex = url_hex(part[3])
    if (length(KEY) != 64 || length(hex) != 128) { return 0 }
    SIGNATURE = der(hex)
    json(decoded(part[2]))
    return !BAD && KIND[""] == "{"
}
'

# signed_by KEY DER FILE: true when the JWS in the file bears this signature of this key.
signed_by() {
    [ -f "$T/key.$1" ] || return 1
    line=
    IFS= read -r line <"$3"
    # shellcheck disable=SC2059  # The escapes of the signature are the format.
    printf "$2" >"$T/signature"
    printf '%s' "${line%.*}" |
        openssl dgst -sha256 -verify "$T/key.$1" -signature "$T/signature" >/dev/null 2>&1
}

# The verdict when there are faults. Names in a forged pack must not steer the terminal.
not_genuine() {
    printf '\nKHÔNG ĐÁNG TIN · NOT GENUINE\n\n'
    awk '!seen[$0]++' "$T/faults" >"$T/once"
    head -n 40 "$T/once" | while IFS="$TAB" read -r file vi en; do
        printf '  ✗ %s: %s · %s\n' "$file" "$vi" "$en"
    done | shown
    count=$(grep -c . "$T/once")
    [ "$count" -le 40 ] || printf '  … %d lỗi nữa · more faults\n' "$((count - 40))"
    exit 1
}

# Without what would clear, colour or move what was printed before.
shown() {
    tr -d '\001-\010\013-\037\177'
}

printf 'Đang kiểm tra… · Checking…\n'
printf '  %s\n' "$PWD" | shown

# ---------------------------------------------------------------- (0) nothing but files and folders

# Names are handed to programs below, so a strange one ends the check before anything is read.
find . ! -path . \( ! -type f ! -type d -o -name '*[!A-Za-z0-9.-]*' -o -name '[.-]*' \) -prune -print |
    tr -c 'A-Za-z0-9./\n-' '?' | head -n 40 >"$T/strange"
while IFS= read -r name; do
    fault "${name#./}" 'không phải tệp của gói (tên lạ hoặc liên kết); hãy giải nén lại vào thư mục trống' \
        'no file of a pack (a strange name or a link); unpack it again into an empty folder'
done <"$T/strange"
[ ! -s "$T/faults" ] || not_genuine

# ---------------------------------------------------------------- (1) every file, and no other

missing=0
for name in manifest.sha256 manifest.jws checkpoints/checkpoint keys/log.vkey streams.txt; do
    [ -f "$name" ] && continue
    fault "$name" 'thiếu tệp' 'the file is missing'
    missing=$((missing + 1))
done
set -- events/*.jws
if [ ! -f "$1" ]; then
    fault events 'không có sự kiện nào' 'there are no events'
    missing=$((missing + 1))
fi
# Without these, nothing further can be told.
[ "$missing" -eq 0 ] || not_genuine
awk -v T="$T" '
    '"$COMMON"'
    { digest = substr($0, 1, 64); name = substr($0, 67) }
    length(digest) != 64 || digest ~ /[^0-9a-f]/ || substr($0, 65, 2) != "  " ||
    name !~ /^[A-Za-z0-9]/ || name ~ /[^A-Za-z0-9.\/-]/ || name ~ /\.\./ || name in seen {
        fault("manifest.sha256", "dòng " NR " sai dạng", "line " NR " is malformed")
        print NR > (T "/malformed")
        next
    }
    { seen[name] = 1; print name "\t" digest }
    name ~ /^(originals|representations)\// {
        if (substr(name, index(name, "/") + 1, 64) != digest) {
            fault(name, "nội dung không khớp tên tệp (SHA-256)",
                "the content does not fit its name (SHA-256)")
        }
    }
' manifest.sha256 >"$T/listed" || unchecked
[ -s "$T/listed" ] || fault manifest.sha256 'không nêu tệp nào' 'it names no file'
if [ -f "$T/malformed" ] || [ ! -s "$T/listed" ]; then
    not_genuine
fi
sha256sum -c --quiet manifest.sha256 2>/dev/null >"$T/compared"
sed -n 's/: FAILED open or read$//p' "$T/compared" | while IFS= read -r name; do
    fault "$name" 'thiếu tệp' 'the file is missing'
done
sed -n 's/: FAILED$//p' "$T/compared" | while IFS= read -r name; do
    fault "$name" 'nội dung đã bị thay đổi (SHA-256)' 'the content was altered (SHA-256)'
done
find . ! -type d | sed 's/^\.\///' | sort >"$T/present"
awk -F '\t' -v T="$T" '
    '"$COMMON"'
    FILENAME == ARGV[1] { listed[$1] = 1; next }
    !($0 in listed) && $0 != "manifest.sha256" && $0 != "manifest.jws" {
        fault($0, "tệp lạ, không có trong danh sách", "a file that the list does not name")
    }
' "$T/listed" "$T/present" || unchecked

# ---------------------------------------------------------------- (2) certificates and events

for file in certificates/*.pem; do
    [ -f "$file" ] || continue
    name=${file#certificates/system-}
    name=${name%.pem}
    found=$(openssl x509 -in "$file" -outform DER 2>/dev/null | sha256sum)
    found=${found%% *}
    if [ "$found" = "$name" ]; then
        openssl x509 -in "$file" -pubkey -noout >"$T/key.$name" 2>/dev/null
    else
        fault "$file" 'chứng thư không khớp tên tệp' 'the certificate does not fit its name'
    fi
done

: >"$T/events" >"$T/digests" >"$T/clear" >"$T/named" >"$T/keys" >"$T/numbers"
    find events -name '*.jws' | sort | xargs awk -v T="$T" '
        '"$COMMON"'
        BEGIN { prepare() }
        FNR > 1 { fault(FILENAME, "sai dạng", "malformed"); next }
        {
            position = FILENAME
            gsub(/^events\/|\.jws$/, "", position)
            if (position ~ /[^0-9]/ || !jws($0, "chauban-event+sd-jwt") || KIND[".data"] != "{" ||
                KIND[".str"] != "s" || KIND[".type"] != "s" || KIND[".ver"] != "l") {
                fault(FILENAME, "phong bì sai dạng", "the envelope is malformed")
                next
            }
            previous = (".prev" in WHAT) ? WHAT[".prev"] : "-"
            printf "%s\t%d\t%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\n", FILENAME, position, WHAT[".str"],
                WHAT[".ver"], previous, WHAT[".type"], WHAT[".arc"], WHAT[".at"], KEY,
                escapes(SIGNATURE) >> (T "/events")
            for (path in WHAT) {
                if (index(path, ".data._sd[") == 1) {
                    printf "%d\t%s\n", position, WHAT[path] >> (T "/digests")
                } else if (WHAT[path] ~ /^sha256:/) {
                    print substr(WHAT[path], 8) >> (T "/named")
                }
            }
            for (path in KIND) {
                if (path ~ /^\.data\.[^.\[]+$/) {
                    printf "%d\t%s\n", position, substr(path, 7) >> (T "/clear")
                }
            }
            type = WHAT[".type"]
            if (type == "archive-founded/1" || type == "system-key-introduced/1") {
                printf "%d\tsystem\t%s\n", position, WHAT[".data.certificate_sha256"] >> (T "/keys")
            } else if (type == "log-key-introduced/1") {
                printf "%d\tlog\t%s\n", position, WHAT[".data.key"] >> (T "/keys")
            } else if (type == "key-compromised/1") {
                printf "%d\tlost\t%s\t%s\n", position, WHAT[".data.key"], WHAT[".data.since"] \
                    >> (T "/keys")
            } else if (type == "log-ended/1") {
                kept = (KIND[".data.kept"] == "l") ? WHAT[".data.kept"] : "null"
                printf "%d\tended\t%s\t%d\t%s\t%s\n", position, WHAT[".data.key"],
                    WHAT[".data.size"], kept, WHAT[".data.origin"] >> (T "/keys")
            } else if (type == "dossier-record-added/1") {
                printf "%s\t%d\n", WHAT[".data.record"], WHAT[".data.ordinal"] >> (T "/numbers")
            }
        }
    ' || unchecked
[ "$#" -eq "$(grep -c . "$T/events")" ] || [ -s "$T/faults" ] || unchecked
sort -t "$TAB" -k 2,2n -o "$T/events" "$T/events"

while IFS="$TAB" read -r file _ _ _ _ _ _ _ key signature; do
    if [ ! -f "$T/key.$key" ]; then
        fault "$file" 'ký bằng khóa không có chứng thư trong gói' \
            'signed with a key whose certificate is not in the pack'
    elif ! signed_by "$key" "$signature" "$file"; then
        fault "$file" 'chữ ký hệ thống không đúng' 'the system signature does not fit'
    fi
done <"$T/events"

# Whose turn it was to sign: the founding names the first certificate, each later one was introduced
# by the key before it. And the chain of each stream, and what one archive says.
awk -F '\t' -v T="$T" -v pinned="$pinned_certificate" '
    '"$COMMON"'
    FILENAME == ARGV[1] { hash[$1] = $2; next }
    FILENAME == ARGV[2] {
        if ($2 == "system") { next_key[$1 + 0] = $3 }
        if ($2 == "lost") { lost[$3] = $4 }
        next
    }
    FILENAME == ARGV[3] {
        split($0, word, " ")
        told[word[1]] = word[2]
        if (NF != 1 || word[2] !~ /^(whole|part)$/) {
            fault("streams.txt", "sai dạng", "malformed")
        }
        next
    }
    {
        file = $1; position = $2 + 0; stream = $3; version = $4 + 0
        if (!seen++) {
            first = next_key[position]
            if ($6 != "archive-founded/1" || position != 1) {
                fault(file, "sự kiện đầu không phải là lập kho", "the first event is no founding")
            }
            if (pinned != "" && pinned != first) {
                fault(file, "không phải chứng thư đã biết: " pinned,
                    "not the certificate that is known: " pinned)
            }
            turn = first
            archive = $7
            print first > (T "/first")
        }
        if ($9 != turn) {
            fault(file, "không do khóa đang có hiệu lực ký", "not signed by the key of its turn")
        }
        if (position in next_key && seen > 1 && index(stream, "keys-") == 1) {
            turn = next_key[position]
        }
        if ($7 != archive) { fault(file, "của kho khác", "of another archive") }
        # The key that follows is always introduced by the one that was lost.
        if ($9 in lost && $8 >= lost[$9] && index(stream, "keys-") != 1) {
            fault(file, "ký sau khi khóa đã lộ", "signed after its key was compromised")
        }
        if (!(stream in told)) {
            fault("streams.txt", "thiếu luồng " stream, "the stream " stream " is missing")
        }
        if (last[stream] && version <= last[stream]) {
            fault(file, "sai thứ tự trong luồng", "out of order in its stream")
        } else if (version == last[stream] + 1 && version > 1 && $5 != hash[before[stream]]) {
            fault(file, "không nối tiếp sự kiện trước (prev)", "does not continue the one before")
        } else if (version > last[stream] + 1 && told[stream] == "whole") {
            fault(file, "thiếu sự kiện ngay trước nó trong luồng",
                "the event before it in its stream is missing")
        }
        if ((version == 1) != ($5 == "-")) { fault(file, "sai prev", "prev is wrong") }
        last[stream] = version
        before[stream] = file
        count[stream]++
    }
    END {
        print turn > (T "/turn")
        for (stream in told) {
            if (!(stream in count)) {
                fault("streams.txt", "luồng không có sự kiện: " stream,
                    "a stream without events: " stream)
            }
            if (told[stream] == "part") { parts++ }
        }
        print parts + 0 > (T "/parts")
    }
' "$T/listed" "$T/keys" streams.txt "$T/events" || unchecked
[ -f "$T/turn" ] || unchecked

# ---------------------------------------------------------------- (3) the archive's word on the list

if [ -f manifest.jws ] && [ -f manifest.sha256 ]; then
    listed=$(sha256sum manifest.sha256)
    awk -v T="$T" -v listed="${listed%% *}" '
        '"$COMMON"'
        BEGIN { prepare() }
        NR == 1 && jws($0, "chauban-pack") {
            if (WHAT[".manifest"] == listed) { print KEY "\t" escapes(SIGNATURE) "\t" WHAT[".at"] }
        }
    ' manifest.jws >"$T/vouched"
    key= signature= made=
    IFS="$TAB" read -r key signature made <"$T/vouched"
    turn=
    [ -f "$T/turn" ] && IFS= read -r turn <"$T/turn"
    if [ -z "$key" ] || [ "$key" != "$turn" ] || ! signed_by "$key" "$signature" manifest.jws; then
        fault manifest.sha256 'danh sách tệp không phải là danh sách mà kho đã ký' \
            'the list of files is not the one that the archive signed'
    fi
fi

# ---------------------------------------------------------------- (4) personal fields

mkdir "$T/d"
for file in disclosures/*.txt; do
    [ -f "$file" ] || continue
    position=${file#disclosures/}
    position=${position%.txt}
    [ -f "events/$position.jws" ] || fault "$file" 'không thuộc sự kiện nào' 'belongs to no event'
    number=0
    while IFS= read -r line || [ -n "$line" ]; do
        number=$((number + 1))
        printf '%s' "$line" >"$T/d/$position.$number"
    done <"$file"
done
find "$T/d" -type f -exec sha256sum {} + >"$T/hashed"
if [ -d disclosures ]; then
    find disclosures -name '*.txt' -exec awk -v T="$T" '
    '"$COMMON"'
    BEGIN {
        prepare()
        while ((getline line < (T "/hashed")) > 0) {
            name = line
            sub(/^.*\//, "", name)
            digest[name] = hex_url(substr(line, 1, 64))
        }
        while ((getline line < (T "/digests")) > 0) { signed[line]++ }
        while ((getline line < (T "/clear")) > 0) { clear[line] = 1 }
    }
    {
        name = FILENAME
        gsub(/^disclosures\/|\.txt$/, "", name)
        place = (name + 0) "\t" digest[name "." FNR]
        json(decoded($0))
        said = (name + 0) "\t" WHAT["[1]"]
        if (BAD || KIND[""] != "[" || KIND["[0]"] != "s" || KIND["[1]"] != "s" ||
            !("[2]" in KIND) || "[3]" in KIND || WHAT["[1]"] ~ /^(_sd|\.\.\.)$/) {
            fault(FILENAME, "dòng " FNR " sai dạng", "line " FNR " is malformed")
        } else if (place in seen || said in names || said in clear) {
            fault(FILENAME, "trường " WHAT["[1]"] " lặp lại", "the field " WHAT["[1]"] " is doubled")
        } else if (signed[place] != 1) {
            fault(FILENAME, "trường " WHAT["[1]"] " không phải là trường đã ký",
                "the field " WHAT["[1]"] " is not what was signed")
        }
        seen[place] = names[said] = 1
    }
    END { for (place in seen) { print place >> (T "/disclosed") } }
' {} + || unchecked
fi
awk -F '\t' -v T="$T" '
    '"$COMMON"'
    $0 in seen { fault("events", "sự kiện " $1 ": _sd lặp lại", "event " $1 ": _sd is doubled") }
    { seen[$0] = 1 }
' "$T/digests" || unchecked

# ---------------------------------------------------------------- (5) documents

awk -F '\t' -v T="$T" '
    '"$COMMON"'
    FILENAME == ARGV[1] { named[$1] = 1; next }
    $1 ~ /^(originals|representations)\// && !($2 in named) {
        fault($1, "không sự kiện nào nêu tệp này", "no event names this file")
    }
' "$T/named" "$T/listed" || unchecked

# Documents that the archive itself says it has no more: by record, with the number that events give.
if [ -f absent.txt ]; then
    awk -F '\t' -v T="$T" '
        '"$COMMON"'
        FILENAME == ARGV[1] { named[$1] = 1; next }
        FILENAME == ARGV[2] { listed[$1] = 1; next }
        FILENAME == ARGV[3] { number[$1] = $2; next }
        {
            n = split($0, word, " ")
            digest = substr(word[1], index(word[1], "/") + 1, 64)
            if (n != 3 || word[1] !~ /^(originals|representations)\/[0-9a-f]+\.[a-z]+$/ ||
                word[2] !~ /^record-[0-9a-f-]+$/ || word[3] !~ /^(lost|damaged)$/) {
                fault("absent.txt", "dòng " FNR " sai dạng", "line " FNR " is malformed")
                next
            }
            if (word[1] in listed) {
                fault("absent.txt", "tệp có trong gói: " word[1], "in the pack: " word[1])
            }
            if (!(digest in named)) {
                fault("absent.txt", "không sự kiện nào nêu " word[1], "no event names " word[1])
            }
            if (!seen[word[1]]++) { files++ }
            if (!count[word[2]]++) { order[++records] = word[2] }
        }
        END {
            print files + 0
            for (i = 1; i <= records && i <= 20; i++) {
                record = order[i]
                told = (record in number) ? record " (số · number " number[record] ")" : record
                printf "%s%s: %d", (i > 1 ? "; " : ""), told, count[record]
            }
            print (records > 20 ? "; …" : "")
        }
    ' "$T/named" "$T/listed" "$T/numbers" absent.txt >"$T/absent" || unchecked
fi

# ---------------------------------------------------------------- (6) the log

vkey=
[ -f keys/log.vkey ] && IFS= read -r vkey <keys/log.vkey
case $vkey in
*[!!-~]*) fault keys/log.vkey 'sai dạng' 'malformed' ;;
esac
introduced=$(VKEY=$vkey awk -F '\t' '$2 == "log" && $3 "" == ENVIRON["VKEY"] "" { print $1; exit }' \
    "$T/keys")
[ -n "$introduced" ] || fault keys/log.vkey 'khóa nhật ký minh bạch không do kho công bố' \
    'no event introduces this key of the log'
# An earlier key of the log, or of a log before this one: events lead from there to the present one,
# on the word of the system key, which counts only where its first certificate is known.
if [ -n "$pinned_key" ] && [ "$vkey" != "$pinned_key" ]; then
    named=$(VKEY=$pinned_key awk -F '\t' -v before="${introduced:-0}" '
        ($2 == "log" || $2 == "ended") && $3 "" == ENVIRON["VKEY"] "" && $1 + 0 < before + 0 {
            print $1
            exit
        }' "$T/keys")
    if [ -z "$named" ]; then
        fault keys/log.vkey 'không phải khóa nhật ký minh bạch đã biết' \
            'not the log key that is known'
    elif [ -z "$pinned_certificate" ]; then
        fault keys/log.vkey "khóa nhật ký minh bạch đã biết được thay ở sự kiện $introduced; phải cho cả CERTIFICATE_SHA256" \
            "the log key that is known was replaced at event $introduced; give CERTIFICATE_SHA256, too"
    else
        note "Khóa nhật ký minh bạch đã biết là khóa trước đây; kho đã thay nó ở sự kiện $introduced bằng: $vkey" \
            "The log key that is known is an earlier one; the archive replaced it at event $introduced by: $vkey"
    fi
fi
# A log ends before its time where the archive lost events that it had signed, or where nobody knows
# how many it had signed: then it ends at what the archive has.
ended=0
while IFS="$TAB" read -r at word _ size kept _; do
    [ "$word" = ended ] || continue
    ended=$((ended + 1))
    [ "$ended" -le 5 ] || continue
    case $kept in
    "$size")
        note "Sự kiện $at: nhật ký minh bạch trước đó kết thúc ở $size sự kiện mà kho có, vì không rõ nó đã ký đến đâu; có thể nó đã ký nhiều hơn." \
            "Event $at: the log before ended at the $size events that the archive had, as nobody knew how many it had signed; there may have been more." ;;
    '' | *[!0-9]*)
        note "Sự kiện $at: kho đã mất sự kiện; nhật ký minh bạch trước đó, đã ký $size sự kiện, kết thúc. Không rõ kho còn bao nhiêu." \
            "Event $at: the archive had lost events; the log before, which had signed $size events, ended. How many of them the archive has is not known." ;;
    *)
        note "Sự kiện $at: kho đã mất sự kiện; nhật ký minh bạch trước đó, đã ký $size sự kiện, kết thúc. Kho còn $kept sự kiện đầu." \
            "Event $at: the archive had lost events; the log before, which had signed $size events, ended. The archive has the first $kept of them." ;;
    esac
done <"$T/keys"
[ "$ended" -le 5 ] || note "Tất cả có $ended nhật ký minh bạch đã kết thúc như vậy." \
    "In all, $ended logs have ended so."

# The note taken apart: T/body is what was signed, T/lines the signatures, T/size and T/root.
split_note() {
    awk -v T="$T" -v vkey="$vkey" '
        '"$COMMON"'
        BEGIN { prepare() }
        !blank && $0 == "" { blank = NR; next }
        !blank { print > (T "/body"); text[NR] = $0; next }
        {
            if (substr($0, 1, 4) != "\342\200\224 " || split(substr($0, 5), word, " ") != 2) {
                exit 1
            }
            hex = plain_hex(word[2])
            if (length(hex) < 10) { exit 1 }
            print word[1] "\t" substr(hex, 1, 8) "\t" substr(hex, 9) > (T "/lines")
            signatures++
        }
        END {
            root = plain_hex(text[3])
            if (blank != 4 || !signatures || text[2] !~ /^(0|[1-9][0-9]*)$/ ||
                length(root) != 64) { exit 1 }
            if (text[1] != substr(vkey, 1, index(vkey, "+") - 1)) {
                fault("checkpoints/checkpoint", "điểm kiểm của nhật ký minh bạch khác",
                    "the checkpoint of another log")
                exit 1
            }
            print text[2] > (T "/size")
            print root > (T "/root")
        }
    ' checkpoints/checkpoint
}

# ed25519 VKEY TYPE MESSAGE SIGNATURE: true when the key (of a type, 01 or 04) signed the message;
# the id that begins the signature line was compared before.
ed25519() {
    awk -v vkey="$1" -v type="$2" -v signature="$4" '
        '"$COMMON"'
        BEGIN {
            prepare()
            n = index(vkey, "+")
            name = substr(vkey, 1, n - 1)
            hex = plain_hex(substr(vkey, n + 10))
            if (substr(hex, 1, 2) != type || length(hex) != 66 || length(signature) != 128) { exit 1 }
            print escapes("302a300506032b6570032100" substr(hex, 3))
            print escapes(signature)
            print escapes(hex)
            print substr(vkey, n + 1, 8)
            print name
        }
    ' >"$T/parts_of_key" || return 1
    {
        IFS= read -r public
        IFS= read -r value
        IFS= read -r typed
        IFS= read -r id
        IFS= read -r named
    } <"$T/parts_of_key"
    # shellcheck disable=SC2059  # The escapes of the bytes are the format.
    {
        printf "$public" >"$T/public"
        printf "$value" >"$T/value"
        made=$({ printf '%s\n' "$named" && printf "$typed"; } | sha256sum)
    }
    case $made in
    "$id"*) ;;
    *) return 1 ;;
    esac
    openssl pkeyutl -verify -pubin -keyform DER -inkey "$T/public" -rawin -in "$3" \
        -sigfile "$T/value" >/dev/null 2>&1
}

logged=0
if [ -f checkpoints/checkpoint ] && split_note; then
    IFS= read -r size <"$T/size"
    IFS= read -r root <"$T/root"
    origin=${vkey%%+*}
    id=${vkey#*+}
    id=${id%%+*}
    by_log=$(awk -F '\t' -v name="$origin" -v id="$id" '$1 == name && $2 == id { print $3 }' \
        "$T/lines")
    if ed25519 "$vkey" 01 "$T/body" "$by_log"; then
        logged=1
    else
        fault checkpoints/checkpoint 'chữ ký của nhật ký minh bạch không đúng' \
            'the signature of the log does not fit'
    fi
    # Who has the key of a log that was ended can sign on: none of its trees holds the end itself.
    over=$(ORIGIN=$origin awk -F '\t' -v size="$size" '
        $2 == "ended" && $6 "" == ENVIRON["ORIGIN"] "" && $1 + 0 <= size + 0 { print $1; exit }
    ' "$T/keys")
    if [ -n "$over" ]; then
        fault checkpoints/checkpoint "của nhật ký minh bạch đã kết thúc ở sự kiện $over" \
            "of a log that had ended at event $over"
    fi
    if [ -f keys/log.pem ] && [ "$logged" = 1 ]; then
        ours=$(sha256sum <"$T/public")
        theirs=$(openssl pkey -pubin -in keys/log.pem -outform DER 2>/dev/null | sha256sum)
        [ "$ours" = "$theirs" ] ||
            fault keys/log.pem 'không cùng khóa với log.vkey' 'not the same key as log.vkey'
    fi
elif ! grep -q '^checkpoints/checkpoint' "$T/faults"; then
    fault checkpoints/checkpoint 'điểm kiểm sai dạng' 'the checkpoint is malformed'
fi

# Witnesses whose keys the policy names.
witnessed=0
if [ "$logged" = 1 ] && [ -f policy ]; then
    while read -r word _ key _; do
        [ "$word" = witness ] || continue
        id=${key#*+}
        line=$(awk -F '\t' -v name="${key%%+*}" -v id="${id%%+*}" '
            $1 == name && $2 == id { print $3 }' "$T/lines")
        seconds=$(printf '%.16s' "$line")
        {
            printf 'cosignature/v1\ntime %d\n' "0x${seconds:-0}"
            cat "$T/body"
        } >"$T/cosigned"
        if ed25519 "$key" 04 "$T/cosigned" "${line#????????????????}"; then
            witnessed=$((witnessed + 1))
        else
            fault policy "nhân chứng ${key%%+*} không ký điểm kiểm này" \
                "the witness ${key%%+*} did not sign this checkpoint"
        fi
    done <policy
fi

# Every event has a proof, read strictly, under this one checkpoint.
: >"$T/state" >"$T/paths"
mkdir "$T/h" "$T/p"
if [ "$logged" = 1 ]; then
    while IFS="$TAB" read -r file _; do
        position=${file#events/}
        position=${position%.jws}
        proof=proofs/$position.tlog-proof
        if [ ! -f "$proof" ]; then
            fault "$proof" 'không có bằng chứng sự kiện nằm trong nhật ký minh bạch' \
                'no proof that the event is in the log'
            continue
        fi
        { printf '\000' && cat "$file"; } >"$T/h/$position"
    done <"$T/events"
    find proofs -name '*.tlog-proof' -exec awk -v T="$T" -v size="$size" '
        '"$COMMON"'
        BEGIN { prepare() }
        function done() {
            if (name == "") { return }
            if (wrong || !blank) {
                fault(file, "bằng chứng sai dạng", "the proof is malformed")
            } else {
                printf "%s\t%d\t%d\t\n", name, at, size - 1 >> (T "/state")
                # What the file must be, byte by byte, up to the checkpoint.
                printf "%s", head > (T "/p/" name)
                close(T "/p/" name)
            }
        }
        FNR == 1 {
            done()
            file = name = FILENAME
            gsub(/^proofs\/|\.tlog-proof$/, "", name)
            wrong = blank = hashes = 0
            head = $0 "\n"
            if ($0 != "c2sp.org/tlog-proof@v1" || name ~ /[^0-9]/) { wrong = 1 }
            next
        }
        blank { next }
        { head = head $0 "\n" }
        FNR == 2 {
            at = substr($0, 7)
            if ($0 !~ /^index (0|[1-9][0-9]*)$/ || length(at) > 15) { wrong = 1 }
            if (!wrong && at + 1 != name + 0) {
                fault(file, "là bằng chứng của sự kiện khác", "the proof of another event")
            }
            if (!wrong && at + 0 >= size + 0) { wrong = 1 }
            next
        }
        $0 == "" { blank = 1; next }
        {
            hex = plain_hex($0)
            if (length(hex) != 64 || ++hashes > 63) { wrong = 1 }
            printf "%s\t%d\t%s\n", name, hashes, hex >> (T "/paths")
        }
        END { done() }
    ' {} + || unchecked
    for made in "$T"/p/*; do
        [ -f "$made" ] || continue
        cat checkpoints/checkpoint >>"$made"
        position=${made##*/}
        [ -f "$T/h/$position" ] || fault "proofs/$position.tlog-proof" 'không thuộc sự kiện nào' \
            'belongs to no event'
    done
    find "$T/p" -type f -exec sha256sum {} + >"$T/made"
    awk -F '\t' -v T="$T" '
        '"$COMMON"'
        FILENAME == ARGV[1] {
            name = $0
            sub(/^.*\//, "", name)
            wanted["proofs/" name ".tlog-proof"] = substr($0, 1, 64)
            next
        }
        $1 in wanted && wanted[$1] != $2 {
            fault($1, "không thuộc điểm kiểm của gói, hoặc sai dạng",
                "not under the checkpoint of the pack, or malformed")
        }
    ' "$T/made" "$T/listed" || unchecked
    # RFC 9162, section 2.1.3.2, for all events at once: each turn hashes one step of every path.
    step=0
    find "$T/h" -type f -exec sha256sum {} + >"$T/hashes"
    while :; do
        step=$((step + 1))
        awk -F '\t' -v T="$T" -v step="$step" -v root="$root" '
            '"$COMMON"'
            BEGIN { prepare() }
            FILENAME == ARGV[1] {
                name = $0
                sub(/^.*\//, "", name)
                hash[name] = substr($0, 1, 64)
                next
            }
            FILENAME == ARGV[2] { if ($2 == step) { sibling[$1] = $3 } next }
            {
                name = $1; fn = $2; sn = $3
                own = (name in hash) ? hash[name] : $4
                if (!(name in sibling)) {
                    if (sn != 0 || own != root) {
                        fault("proofs/" name ".tlog-proof",
                            "bằng chứng không dẫn từ sự kiện này đến điểm kiểm",
                            "the proof does not lead from this event to the checkpoint")
                    }
                    next
                }
                if (sn == 0) {
                    fault("proofs/" name ".tlog-proof", "bằng chứng quá dài", "the proof is too long")
                    next
                }
                if (fn % 2 || fn == sn) {
                    both = "01" sibling[name] own
                    while (fn % 2 == 0 && fn) { fn = int(fn / 2); sn = int(sn / 2) }
                } else {
                    both = "01" own sibling[name]
                }
                printf "printf \047%s\047 >\"$T/h/%s\"\n", escapes(both), name > (T "/script")
                printf "%s\t%d\t%d\t\n", name, int(fn / 2), int(sn / 2) > (T "/next")
            }
        ' "$T/hashes" "$T/paths" "$T/state" || unchecked
        [ -f "$T/script" ] || break
        mv "$T/next" "$T/state"
        # shellcheck source=/dev/null
        . "$T/script"
        rm "$T/script"
        find "$T/h" -type f -exec sha256sum {} + >"$T/hashes"
    done
fi
if [ -n "${LOG_VERIFIER-}" ]; then
    while IFS="$TAB" read -r file _; do
        position=${file#events/}
        position=${position%.jws}
        case $("$LOG_VERIFIER" proof "proofs/$position.tlog-proof" "$vkey" "$file" 2>&1 </dev/null) in
        accepted*) ;;
        *) fault "proofs/$position.tlog-proof" 'trình kiểm tra nhật ký minh bạch không chấp nhận' \
            'the log verifier does not accept it' ;;
        esac
    done <"$T/events"
fi

# ---------------------------------------------------------------- (7) time

# dates TOKEN SECONDS ROOTS [OPTION]: true when an authority whom the roots vouch for signed that the
# checkpoint was there. Its certificate ends some day; what counts is that it was valid by then.
dates() {
    [ -n "$2" ] && openssl ts -verify -data checkpoints/checkpoint -in "$1" -CAfile "$3" \
        -attime "$2" ${4+"$4"} >/dev/null 2>&1
}

# own_word TOKEN SECONDS: true when that is what the token says by the certificates in itself.
own_word() {
    openssl ts -reply -in "$1" -token_out -out "$T/token" >/dev/null 2>&1 &&
        openssl pkcs7 -inform DER -in "$T/token" -print_certs -out "$T/signers" >/dev/null 2>&1 &&
        dates "$1" "$2" "$T/signers" -partial_chain
}

dated=0
tokens=0
stranger=
earliest=
roots=${TSA_ROOTS:-tsa/roots.pem}
for token in checkpoints/*.tsr; do
    [ -f "$token" ] || continue
    tokens=$((tokens + 1))
    at=$(openssl ts -reply -in "$token" -text 2>/dev/null | sed -n 's/^Time stamp: //p')
    seconds=$(date -u -d "$at" +%s 2>/dev/null)
    if [ ! -f "$roots" ]; then
        note "Dấu thời gian ($at) chưa được kiểm tra: không có chứng thư của cơ quan cấp (TSA_ROOTS)." \
            "The time token ($at) was not checked: no certificates of its authority (TSA_ROOTS)."
    elif dates "$token" "$seconds" "$roots"; then
        dated=$((dated + 1))
        if [ -z "$earliest" ] || [ "$seconds" -lt "$earliest" ]; then earliest=$seconds; fi
        note "Cơ quan cấp dấu thời gian xác nhận: gói sự kiện này đã có trước $at." \
            "A time-stamp authority confirms that these events existed before $at."
    elif own_word "$token" "$seconds"; then
        stranger=$token
        note "Dấu thời gian ($at) không được tính: cơ quan cấp không có trong $roots." \
            "The time token ($at) does not count: its authority is not in $roots."
    else
        fault "$token" 'dấu thời gian không đúng' 'the time token does not fit'
    fi
done
# Somebody who names authorities wants the word of one of them.
if [ -n "${TSA_ROOTS-}" ] && [ -n "$stranger" ] && [ "$dated" -eq 0 ]; then
    fault "$stranger" 'không có dấu thời gian nào của cơ quan trong TSA_ROOTS' \
        'no time token is of an authority in TSA_ROOTS'
fi

# A checkpoint of a key that fell into other hands counts where it was dated before.
lost=$(awk -F '\t' -v key="$vkey" '$2 == "lost" && $3 == key { print $4 }' "$T/keys" | sort | head -n 1)
if [ -n "$lost" ]; then
    seconds=$(date -u -d "$lost" +%s 2>/dev/null)
    if [ -z "$seconds" ] || [ -z "$earliest" ] || [ "$earliest" -ge "$seconds" ]; then
        fault checkpoints/checkpoint "khóa của nhật ký minh bạch đã lộ từ $lost" \
            "the key of the log was compromised since $lost"
    fi
fi

# ---------------------------------------------------------------- verdict

events=$(grep -c . "$T/events")
files=$(grep -c -E '^(originals|representations)/' "$T/listed")
first=
[ -f "$T/first" ] && IFS= read -r first <"$T/first"
parts=0
[ -f "$T/parts" ] && IFS= read -r parts <"$T/parts"
absent=0
lacking=
[ -f "$T/absent" ] && {
    IFS= read -r absent
    IFS= read -r lacking
} <"$T/absent"
disclosed=$(grep -c . "$T/disclosed")
signed=$(grep -c . "$T/digests")
[ ! -s "$T/faults" ] || not_genuine
[ -n "$pinned_key" ] || [ -n "$pinned_certificate" ] || note \
    "Khóa nhật ký minh bạch lấy từ chính gói này: $vkey" \
    "The key of the log was taken from the pack itself: $vkey"
[ "$tokens" -gt 0 ] || note 'Không có dấu thời gian: thời điểm là theo đồng hồ của kho.' \
    'There is no time token: times are those of the archive'\''s clock.'
[ "$witnessed" -gt 0 ] || note 'Không có nhân chứng nào ký điểm kiểm.' \
    'No witness has signed the checkpoint.'
[ "$parts" -eq 0 ] || note "$parts luồng chỉ có một phần (streams.txt)." \
    "$parts streams are told in part only (streams.txt)."
[ "$absent" -eq 0 ] || note \
    "$absent tệp có trong sự kiện mà KHÔNG có trong gói: kho đã mất hoặc làm hỏng chúng. $lacking" \
    "$absent files that events name are NOT in the pack: the archive lost or damaged them. $lacking"
[ "$signed" -eq "$disclosed" ] || note "$((signed - disclosed)) trường cá nhân không có trong gói." \
    "$((signed - disclosed)) personal fields are not in the pack."
printf '\nCHÍNH GỐC · GENUINE\n\n'
if [ -z "$pinned_certificate" ]; then
    printf '  CHỈ KHI chứng thư hệ thống này đúng là của kho (nó lấy từ chính gói này; hãy hỏi kho):\n'
    printf '  ONLY IF this system certificate is the archive'\''s (it was taken from the pack itself; ask):\n'
    printf '    %s\n\n' "$first" | shown
fi
printf '  %d sự kiện do kho ký, không đổi, đúng thứ tự, đều có trong nhật ký minh bạch (%d sự kiện).\n' \
    "$events" "$size"
printf '  %d events, signed by the archive, unaltered, in order, all in its log (of %d events).\n' \
    "$events" "$size"
[ "$parts" -gt 0 ] || printf '  Không thiếu sự kiện nào. · No event is missing.\n'
printf '  %d tệp đúng từng byte như khi kho ghi nhận.\n' "$files"
printf '  %d files, byte by byte as the archive recorded them.\n\n' "$files"
while IFS="$TAB" read -r vi en; do
    printf '  ! %s\n    %s\n' "$vi" "$en"
done <"$T/notes" | shown
