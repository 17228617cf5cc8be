package main

import (
	"context"
	"io"
	"time"
)

// row is one thing that is measured.
type row struct {
	name, title string
	notes       string // what a reader must know to judge it
	run         func(context.Context, *run) ([]line, error)
}

// run is what the rows of one run share.
type run struct {
	depth
	stderr    io.Writer
	quiet     quiet
	picture   []byte // the SVG, once the expiry row has drawn it
	simulator *simulator
}

func (b *run) close() {
	if b.simulator != nil {
		b.simulator.remove()
	}
}

// depth is how much of everything is measured.
type depth struct {
	quick bool

	rounds int           // of slices
	slice  time.Duration // of one contender, without a pause
	many   int           // tenants, where CPU caches and memory count

	repeats  int           // of the stampede
	cold     int           // tenants that are loaded at once
	pace     time.Duration // of the paced load at expiry, for each contender
	attempts time.Duration // of the outage on the wire
	remember int           // tenants whose memory is counted
	scan     int           // secrets that are each asked for once
	outage   int           // tenants in the simulated outage,
	hot      int           // of whom so many are asked for all the time
	attack   int           // real tenants beside the unknown ids,
	attacked time.Duration // which come for so long
	revoked  int           // tenants whose secrets are revoked
}

var (
	full = depth{
		rounds: 15, slice: 40 * time.Millisecond, many: 100_000,
		repeats: 7, cold: 10_000, pace: 8 * time.Second, attempts: 8 * time.Second,
		remember: 100_000, scan: 100_000, outage: 1_000, hot: 10,
		attack: 5_000, attacked: time.Minute, revoked: 100,
	}
	short = depth{
		quick:  true,
		rounds: 3, slice: 40 * time.Millisecond, many: 20_000,
		repeats: 1, cold: 1_000, pace: time.Second, attempts: 2 * time.Second,
		remember: 5_000, scan: 10_000, outage: 50, hot: 1,
		attack: 500, attacked: 15 * time.Second, revoked: 20,
	}
)

// rows in the order of the report.
var rows = []row{
	{"hotpath", "Verifying a webhook, warm", hotpathNotes, hotpath},
	{"webhook", "Verifying a webhook of a scheme, warm", webhooksNotes, webhooks},
	{"forgeries", "Valid webhooks beside forgeries", forgeriesNotes, forgeries},
	{"warm", "Finding a secret, warm", warmNotes, warm},
	{"stampede", "A crowd before one cold secret", stampedeNotes, stampede},
	{"cold", "Cold start", coldNotes, cold},
	{"expiry", "At expiry", expiryNotes, expiry},
	{"outage", "In an outage", outageNotes, outage},
	{"waiters", "Callers that give up", waitersNotes, waiters},
	{"strangers", "Ids that do not exist", strangersNotes, simulation("strangers")},
	{"floods", "Floods, a slow service and recoveries", floodsNotes, simulation("floods")},
	{"scan", "A scan beside a working set", scanNotes, scan},
	{"revocation", "After a revocation", revocationNotes, simulation("revocation")},
	{"memory", "Memory", memoryNotes, memory},
}
