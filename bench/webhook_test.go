package main

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

// Ours, the floor and the libraries verify one webhook, with one key and with the
// older of two, and refuse it once a bit of its body is another.
func TestDeliveries(t *testing.T) {
	for _, keys := range []int{1, 2} {
		synctest.Test(t, func(t *testing.T) { // a forgery may wait for a newer key
			in, err := newInbox(t.Context(), 300, keys)
			if err != nil {
				t.Fatal(err)
			}
			defer in.client.Close()
			for _, d := range in.deliveries {
				checkDelivery(t, d, true)
			}
			in.deliveries[0].body[0] ^= 1 // it is all of theirs
			for _, d := range in.deliveries {
				checkDelivery(t, d, false)
			}
		})
	}
}

func checkDelivery(t *testing.T, d *delivery, want bool) {
	t.Helper()
	_, err := d.verifier.Verify(t.Context(), d.tenant, d.header, d.body)
	for who, took := range map[string]bool{
		oursName:         err == nil,
		"the floor":      d.floor.verify(),
		d.scheme.library: d.library(d.header, d.body) == nil,
	} {
		if took != want {
			t.Errorf("%s, %s: takes it: %t, want %t", d.scheme.name, who, took, want)
		}
	}
}

// Who is fastest is one of the libraries, and a line shows both columns of them.
func TestWebhookLine(t *testing.T) {
	in, err := newInbox(t.Context(), judgedSize, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer in.client.Close()
	contenders := []contender{{name: oursName}, {name: "floor"}, {name: "slow"}, {name: oursName}, {name: "floor"}, {name: "fast"}}
	fastest := fastestOf(contenders, []float64{10, 8, 30, 10, 8, 20})
	if fastest.name != "fast" {
		t.Errorf("%s is the fastest", fastest.name)
	}
	l := in.deliveries[0].line(context.Background(), "case", [3]float64{10, 8, 30}, fastest)
	var text strings.Builder
	table(&text, []line{l})
	for _, want := range []string{"| " + ownLibrary + " | " + fastestLibrary + " | measured |", "| 8.0 ns (1.25 ×) |", "(3.00 ×) | fast (2.00 ×) | 1.25 × the floor; 2.00 × the fastest;"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%q is missing in\n%s", want, &text)
		}
	}
	if !slices.ContainsFunc(l.Goals, func(g goal) bool { return g.Target == "≥ 1.50 × the fastest" }) {
		t.Errorf("goals are %v", l.Goals)
	}
}
