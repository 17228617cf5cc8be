package rotation_test

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/rotation"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// The options of the fleet are the defaults. Its Secrets Manager is slow, throttles,
// and answers with what was so up to readLag ago.
const (
	fleetTTL       = 5 * time.Minute
	fleetMaxStale  = time.Hour
	oneLoad        = 5 * time.Second // LoadTimeout
	readLag        = 3 * time.Second
	readLatency    = 30 * time.Millisecond
	throttledShare = 0.01        // of all calls
	readerSkew     = time.Minute // of the readers' clocks, at most
	rotatorSkew    = 25 * time.Second
	hourlyGrace    = time.Hour

	seenWithin = readLag + fleetTTL + oneLoad
	neverAfter = readLag + fleetMaxStale
)

// fleetSize is how large a fleet is and what befalls it.
type fleetSize struct {
	verifiers, signers int
	busy, idle         int           // tenants
	revisit, seldom    time.Duration // until a verifier hears again of a busy tenant, and of an idle one
	attacks            int           // a second, while there is an attack
	attackLasts        time.Duration // of each kind of attack, in every attackCycle
}

// atFleetSize is the small fleet, or the whole where the environment asks for it.
func atFleetSize(small, full fleetSize) fleetSize {
	if os.Getenv("TENANTSECRETS_DEPTH") == "full" {
		return full
	}
	return small
}

// fleet is the processes of one service.
type fleet struct {
	*testing.T
	fleetSize
	backend            *secretstest.Backend
	verifiers, signers []*fleetProcess
	rotator            *rotation.Rotator
	busy, idle         *traffic
	quiet              []string   // tenants of which nobody hears unless a test says so
	random             *rand.Rand // of the goroutine that drives
	born               time.Time  // when all of it was there
	calm               func()     // ends the throttling
	working            sync.WaitGroup
	attackDue          int
	versions           int64    // written of every secret
	excusedUntil       sync.Map // by tenant: until then its webhooks may be refused

	verified, refused, retried, excused, attacked atomic.Int64
}

const quietTenants = 2

// inFleet runs a test with a fleet whose caches are warm. rotatorOptions are those of
// the client that the rotator is made from.
func inFleet(t *testing.T, s fleetSize, test func(f *fleet), rotatorOptions ...func(*tenantsecrets.Options)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := &fleet{
			T: t, fleetSize: s, random: rand.New(rand.NewPCG(1, 2)),
			backend: secretstest.New(func(o *secretstest.Options) { o.NoCallLog = true }),
		}
		f.rotator = f.newRotator(rotatorOptions)
		f.create()
		for range s.verifiers {
			f.verifiers = append(f.verifiers, f.start())
		}
		for range s.signers {
			f.signers = append(f.signers, f.start())
		}
		f.trouble()
		f.born = time.Now()
		defer f.working.Wait()
		test(f)
	})
}

func (f *fleet) newRotator(optFns []func(*tenantsecrets.Options)) *rotation.Rotator {
	f.Helper()
	p := newFleetProcess(f.T, f.backend, rotatorSkew, optFns...)
	r, err := rotation.New(p.client, f.backend)
	if err != nil {
		f.Fatal(err)
	}
	return r
}

func (f *fleet) create() {
	f.Helper()
	c := newFleetProcess(f.T, f.backend, 0).client
	ids := make([]string, f.fleetSize.busy+f.fleetSize.idle+quietTenants)
	for i := range ids {
		ids[i] = fmt.Sprintf("t_%d", i)
		if _, err := c.CreateTenant(f.Context(), ids[i]); err != nil {
			f.Fatal(err)
		}
	}
	busy, rest := ids[:f.fleetSize.busy], ids[f.fleetSize.busy:]
	f.busy = &traffic{tenants: busy, revisit: f.revisit}
	f.idle = &traffic{tenants: rest[:f.fleetSize.idle], revisit: f.seldom}
	f.quiet = rest[f.fleetSize.idle:]
}

// start starts a process, whose clock is wrong, and fills its cache.
func (f *fleet) start() *fleetProcess {
	f.Helper()
	p := newFleetProcess(f.T, f.backend, time.Duration(f.random.Int64N(int64(2*readerSkew)))-readerSkew)
	if err := p.client.Prefetch(f.Context(), f.everyone()); err != nil {
		f.Fatal(err)
	}
	return p
}

func (f *fleet) everyone() iter.Seq[string] {
	return slices.Values(slices.Concat(f.busy.tenants, f.idle.tenants, f.quiet))
}

func (f *fleet) trouble() {
	f.backend.Inject(
		secretstest.Fault{Operation: "DescribeSecret", Delay: readLatency, StaleUpTo: readLag, Seed: 1},
		secretstest.Fault{Operation: "GetSecretValue", Delay: readLatency, StaleUpTo: readLag, Seed: 2},
	)
	f.calm = f.backend.Inject(secretstest.Fault{Err: secretstest.Throttling(), Probability: throttledShare, Seed: 3})
}

// rotate rotates every tenant, as one does by the hour, and those that failed once
// more.
func (f *fleet) rotate() {
	tenants, rotated := f.everyone(), 0
	for range 10 {
		var failed []string
		summary, err := f.rotator.RotateAll(f.Context(), tenants, func(o *rotation.RotateAllOptions) {
			o.OlderThan, o.Grace, o.WritesPerSecond = 2*time.Minute, hourlyGrace, 40
			o.Progress = func(tenant string, _ rotation.Result, err error) {
				if err != nil {
					failed = append(failed, tenant)
				}
			}
		})
		rotated += summary.Rotated
		if err == nil {
			break
		}
		tenants = slices.Values(failed)
	}
	if all := len(slices.Collect(f.everyone())); rotated != all {
		f.Errorf("%d of %d tenants were rotated", rotated, all)
	}
}

// hour is one with a rotation at its beginning.
func (f *fleet) hour() {
	f.versions++
	f.working.Go(f.rotate)
	f.run(time.Hour)
}

// persist repeats what a Secrets Manager that throttles may refuse.
func (f *fleet) persist(call func() error) {
	f.Helper()
	var err error
	for range 10 {
		if err = call(); err == nil {
			return
		}
		time.Sleep(time.Second)
	}
	f.Fatal(err)
}
