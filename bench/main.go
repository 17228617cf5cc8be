// Bench compares tenantsecrets with what it could be built from instead, and
// with the least that the same work costs on this machine. Peer, floor and ours
// run in one process, in turns of random order, so that their ratios hold on a
// busy machine where times alone do not.
//
//	go run .                         every row, some minutes; writes RESULTS.md and expiry.svg
//	go run . -quick                  every row at a short depth; prints only
//	go run . -only 'hotpath|warm'    some rows; prints only
//	go run . -list                   the rows there are
//
// Nothing is hard-coded: a target that is missed is printed as missed, with the
// figure that was measured. What depends on time alone runs in testing/synctest,
// in this directory's tests, whose figures the command collects.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// defaultOut is written by a run of every row at full depth.
const defaultOut = "RESULTS.md"

func main() {
	var (
		quick = flag.Bool("quick", false, "measure at a short depth")
		only  = flag.String("only", "", "run the rows whose name this `regexp` matches")
		out   = flag.String("out", "", "write the results to this `file`, and expiry.svg beside it (default "+defaultOut+", for a whole run)")
		list  = flag.Bool("list", false, "print the rows and end")
		serve = flag.Int("serve", 0, "serve a Secrets Manager with `n` tenants until standard input ends; for the memory row")
	)
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	switch {
	case *list:
		for _, r := range rows {
			fmt.Printf("%-12s %s\n", r.name, r.title)
		}
	case *serve > 0:
		err = serveTenants(os.Stdin, os.Stdout, *serve)
	default:
		err = bench(ctx, *quick, *only, *out)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func bench(ctx context.Context, quick bool, only, out string) error {
	selected, err := regexp.Compile(only)
	if err != nil {
		return err
	}
	if out == "" && !quick && only == "" {
		out = defaultOut
	}
	r := &report{command: command(), date: time.Now(), machine: thisMachine(), quick: quick}
	b := &run{depth: full, stderr: os.Stderr}
	if quick {
		b.depth = short
	}
	defer b.close()
	for _, row := range rows {
		if !selected.MatchString(row.name) || ctx.Err() != nil {
			continue
		}
		fmt.Fprintf(b.stderr, "%s: %s\n", row.name, row.title)
		began := time.Now()
		lines, err := row.run(ctx, b)
		if err != nil {
			return fmt.Errorf("%s: %w", row.name, err)
		}
		r.sections = append(r.sections, section{row.name, row.title, row.notes, lines, time.Since(began)})
	}
	return write(r, b, out)
}

// write prints the report, and keeps it where a file was asked for.
func write(r *report, b *run, out string) error {
	r.quiet = b.quiet
	r.picture = b.picture != nil && out != ""
	var text strings.Builder
	r.markdown(&text)
	if _, err := io.WriteString(os.Stdout, text.String()); err != nil || out == "" {
		return err
	}
	if r.picture {
		picture := filepath.Join(filepath.Dir(out), pictureName)
		if err := os.WriteFile(picture, b.picture, 0o644); err != nil {
			return err
		}
	}
	return os.WriteFile(out, []byte(text.String()), 0o644)
}

// command is how this run was asked for.
func command() string {
	return strings.Join(append([]string{"go run ."}, os.Args[1:]...), " ")
}
