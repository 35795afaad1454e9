#!/usr/bin/env bash
# Lints the contract in proto/ and generates the Go code beside it.
#
#   tools/generate.sh                 formats the contract and rewrites its *.pb.go files
#   tools/generate.sh --check         writes nothing; exit 1 and the file names if something is not current
#   tools/generate.sh --breaking REF  exit 1 if the contract breaks clients of the git commit REF
#
# buf runs in a scratch workspace: the contract plus the two files it imports, so that no schema registry is needed.
set -euo pipefail

# The module holds no Go package, so go.mod cannot keep it: its one proto file is taken from the module cache.
# Its Go code is the protovalidate module in go.mod; raise the two together.
protovalidate=github.com/bufbuild/protovalidate@v1.2.2

usage() { sed -n '2,6s/^# \{0,1\}//p' "$0" >&2; exit 2; }
mode=${1:-write}
case $mode in
write | --check) [ $# -le 1 ] || usage ;;
--breaking) [ $# -eq 2 ] || usage ;;
*) usage ;;
esac

cd "$(dirname "$0")/.."
root=$PWD
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# The tools stay in .tools; go build leaves what is up to date alone. protoc-gen-go is built from the main
# module so that the generator is always of the same version as the runtime it generates for.
[ -x .tools/buf ] || echo "building the developer tools into .tools; only the first time takes minutes" >&2
export CGO_ENABLED=0
go -C tools build -o ../.tools/ tool
go build -o .tools/ google.golang.org/protobuf/cmd/protoc-gen-go
export PATH="$root/.tools:$PATH" BUF_CACHE_DIR="$scratch/cache"

imports=$(cd "$scratch" && go mod download -json "$protovalidate" | sed -n 's/^\t"Dir": "\(.*\)",\{0,1\}$/\1/p')
[ -f "$imports/proto/protovalidate/buf/validate/validate.proto" ] || {
	echo "$protovalidate has no proto/protovalidate/buf/validate/validate.proto" >&2
	exit 1
}

# workspace DIR makes DIR, which holds proto/, a workspace in which every import is found.
workspace() {
	mkdir -p "$1/imports/buf/validate"
	cp "$imports/proto/protovalidate/buf/validate/validate.proto" "$1/imports/buf/validate/"
	cp -R "$root/tools/proto/." "$1/imports/"
	chmod -R u+w "$1"
	awk '{ print } $0 == "  - path: proto" { print "  - path: imports" }' "$root/buf.yaml" >"$1/buf.yaml"
}

mkdir "$scratch/now"
cp -R proto "$scratch/now/"
find "$scratch/now/proto" -name '*.pb.go' -delete
workspace "$scratch/now"
cd "$scratch/now"
[ "$mode" = write ] && buf format -w proto
buf lint proto

if [ "$mode" = --breaking ]; then
	mkdir "$scratch/then"
	git -C "$root" archive "$2" proto | tar -x -C "$scratch/then"
	workspace "$scratch/then"
	buf breaking proto --against "$scratch/then/proto"
	exit
fi

buf generate --template "$root/buf.gen.yaml" -o "$scratch/out" proto
cp -R "$scratch/out/." proto/

# stale FILES… prints those of the contract's files that differ between the tree and the workspace, or are in one alone.
stale() {
	{ (cd "$root/proto" && find . -name "$1") && find proto -name "$1" | sed 's|^proto/|./|'; } | sort -u |
		while read -r file; do
			cmp -s "$root/proto/$file" "proto/$file" || echo "proto/${file#./}"
		done
}

case $mode in
write)
	stale '*.pb.go' | while read -r file; do
		if [ -f "$file" ]; then cp "$file" "$root/$file"; else rm "$root/$file"; fi
	done
	stale '*.proto' | while read -r file; do cp "$file" "$root/$file"; done
	;;
--check)
	buf format --exit-code -d proto >"$scratch/format" || {
		echo "the contract is not formatted; run: make generate" >&2
		cat "$scratch/format" >&2
		exit 1
	}
	names=$(stale '*.pb.go')
	[ -z "$names" ] || {
		printf 'generated code is not current; run: make generate\n%s\n' "$names" >&2
		exit 1
	}
	;;
esac
