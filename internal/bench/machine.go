package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/muniment/muniment/internal/bench/report"
)

// ownCPU is the processor time of this process so far.
func ownCPU() time.Duration { return processCPU(os.Getpid()) }

// isPostgres reports whether the process is one of PostgreSQL on this machine.
func isPostgres(pid int) bool {
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	return err == nil && strings.HasPrefix(string(name), "postgres")
}

// machine says where this was measured, as far as the system tells.
func machine() string {
	processor, memory, load := "", "", ""
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		_, after, _ := strings.Cut(string(text), "model name")
		name, _, _ := strings.Cut(strings.TrimLeft(after, "\t :"), "\n")
		processor = " of " + name
	}
	if text, err := os.ReadFile("/proc/meminfo"); err == nil {
		var kib int
		_, after, _ := strings.Cut(string(text), "MemTotal:")
		fmt.Sscan(after, &kib)
		memory = fmt.Sprintf(", %d GiB of memory", kib>>20)
	}
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		load = ", load " + strings.Fields(string(text))[0] + " at the beginning"
	}
	return fmt.Sprintf("%d cores%s%s, %s, %s, %s%s", runtime.NumCPU(), processor, memory, runtime.GOOS, runtime.Version(), time.Now().Format("2 January 2006"), load)
}

// write puts the results in the page, and the charts in the folder beside it that has the page's name.
func (o outcome) write(page string) error {
	text, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	folder := strings.TrimSuffix(page, filepath.Ext(page))
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%d passages. `%s`, %.0f s. Machine: %s.", o.Passages, o.Command, o.Took.Seconds(), o.Machine)
	for _, note := range o.Notes {
		b.WriteString(" " + note)
	}
	b.WriteString("\n\n")
	report.Markdown(&b, o.Figures)
	for _, t := range o.Tables {
		name := fmt.Sprintf("%s-%d.svg", t.Name, o.Passages)
		if err := os.WriteFile(filepath.Join(folder, name), []byte(t.Chart()), 0o644); err != nil {
			return err
		}
		b.WriteString("\n")
		t.Markdown(&b, filepath.ToSlash(filepath.Join(filepath.Base(folder), name)))
	}
	next, err := report.Replace(string(text), fmt.Sprintf("bench %d", o.Passages), b.String())
	if err != nil {
		return fmt.Errorf("%s: %w", page, err)
	}
	return os.WriteFile(page, []byte(next), 0o644)
}
