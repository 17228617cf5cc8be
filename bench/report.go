package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// report is what a run found.
type report struct {
	command  string
	date     time.Time
	machine  machine
	sections []section
	quiet    quiet
	quick    bool
	picture  bool // expiry.svg is written beside it
}

// section is a row's part of the report.
type section struct {
	name, title, notes string
	lines              []line
	took               time.Duration
}

func (r *report) markdown(w io.Writer) {
	fmt.Fprint(w, "# Results\n\n")
	fmt.Fprintf(w, "%s with `%s` in this directory. ", r.date.UTC().Format("2 January 2006, 15:04 UTC,"), r.command)
	fmt.Fprintf(w, "Times are medians of slices; see [the harness](slices.go). A target that is missed says **no** and by what.\n\n")
	if r.quick {
		fmt.Fprint(w, "A quick run: shorter, and with fewer tenants than the rows say.\n\n")
	}
	r.machine.markdown(w)
	fmt.Fprintf(w, "\nTargets met: %d of %d lines.", r.met(), r.judged())
	if r.quiet.slices > 0 {
		fmt.Fprintf(w, " In %d of %d slices a thread waited for a core for more than a tenth of the time, however often they were measured.",
			r.quiet.disturbed, r.quiet.slices)
	}
	fmt.Fprintln(w)
	for _, s := range r.sections {
		fmt.Fprintf(w, "\n## %s\n\n", s.title)
		if s.notes != "" {
			fmt.Fprintf(w, "%s\n\n", s.notes)
		}
		table(w, s.lines)
		if s.name == "expiry" && r.picture {
			fmt.Fprintf(w, "\n![Latency by percentile while secrets expire](%s)\n", pictureName)
		}
		fmt.Fprintf(w, "\n`-only %s`, %.0f s\n", s.name, s.took.Seconds())
	}
}

// judged is how many lines have a target, and met how many of them meet it.
func (r *report) judged() int { return r.count(func(l line) bool { return len(l.Goals) > 0 }) }
func (r *report) met() int    { return r.count(func(l line) bool { return met(l.Goals) == "yes" }) }

func (r *report) count(of func(line) bool) (n int) {
	for _, s := range r.sections {
		for _, l := range s.lines {
			if of(l) {
				n++
			}
		}
	}
	return n
}

// column is one of a table; it is left out where no line has anything to say.
type column struct {
	title string
	cell  func(line) string
}

var columns = []column{
	{"case", func(l line) string { return l.Case }},
	{"ours", func(l line) string { return l.Ours }},
	{"floor", func(l line) string { return l.Floor }},
	{byHandName, func(l line) string { return l.Peers[byHandName] }},
	{otterName, func(l line) string { return l.Peers[otterName] }},
	{sturdycName, func(l line) string { return l.Peers[sturdycName] }},
	{"measured", func(l line) string { return joined(l.Goals, func(g goal) string { return g.Figure }) }},
	{"target", func(l line) string { return joined(l.Goals, func(g goal) string { return g.Target }) }},
	{"met", func(l line) string { return met(l.Goals) }},
}

func joined(goals []goal, text func(goal) string) string {
	parts := make([]string, len(goals))
	for i, g := range goals {
		parts[i] = text(g)
	}
	return strings.Join(parts, "; ")
}

func table(w io.Writer, lines []line) {
	shown := slices.DeleteFunc(slices.Clone(columns), func(c column) bool {
		return !slices.ContainsFunc(lines, func(l line) bool { return c.cell(l) != "" })
	})
	cells := func(of func(column) string) {
		for _, c := range shown {
			fmt.Fprintf(w, "| %s ", of(c))
		}
		fmt.Fprintln(w, "|")
	}
	cells(func(c column) string { return c.title })
	cells(func(column) string { return "---" })
	for _, l := range lines {
		cells(func(c column) string { return strings.ReplaceAll(c.cell(l), "|", `\|`) })
	}
}
