package integration

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/formbridge/tenantsecrets/internal/document"
)

// walkVectors takes a secret through changes at random, each with the library or by a
// program that does not know it, and tells after each what a reader finds.
func walkVectors(t *testing.T, random *rand.Rand, n int) []ringVector {
	t.Helper()
	return inChain(t, func(c *chain) {
		w := &walk{c, random, []*writtenVersion{c.current()}}
		for step := range 25 {
			did := w.step()
			w.versions = append(w.versions, c.current())
			for range 2 {
				c.tell(fmt.Sprintf("walk %d, step %d: %s", n, step, did), w.moment())
			}
			time.Sleep(time.Duration(random.Int64N(int64(8 * time.Hour))))
		}
	})
}

type walk struct {
	*chain
	random   *rand.Rand
	versions []*writtenVersion // that were current
}

func (w *walk) step() (did string) {
	ctx := w.Context()
	var err error
	switch w.random.IntN(14) {
	case 0, 1, 2, 3:
		did = "rotate"
		_, err = w.rotator.Rotate(ctx, chainTenant)
	case 4, 5:
		did = "revoke"
		_, err = w.rotator.Revoke(ctx, chainTenant, w.kid())
	case 6, 7:
		did = "roll back"
		_, err = w.rotator.Rollback(ctx, chainTenant, w.kid())
	case 8:
		did = "drive"
		err = w.drive()
	case 9:
		did = "put back"
		w.put(w.any().Document)
	case 10:
		did = "edit"
		w.edit()
	case 11:
		did = "suspend"
		if _, err = document.Decode(w.current().Document); err == nil {
			w.put(w.edited(w.current().Document, document.Member{Name: "state", Value: "suspended"}))
		}
	case 12:
		did = "stray"
		w.put([]string{byPython("t_other"), `{"shared_secret":""}`}[w.random.IntN(2)])
	default:
		did = "foreign"
		w.put(byPython(chainTenant))
	}
	if err != nil {
		did += ", refused"
		w.clear() // as whoever repairs it by hand
		w.put(byPython(chainTenant))
	}
	return did
}

func (w *walk) any() *writtenVersion { return w.versions[w.random.IntN(len(w.versions))] }

// kid is that of a key of one of the versions, or a version's id.
func (w *walk) kid() string {
	v := w.any()
	d, err := document.Decode(v.Document)
	if err != nil || d.KID == "" {
		return v.ID
	}
	return d.KID
}

// edit changes the secret alone, as in the console.
func (w *walk) edit() {
	text := w.current().Document
	if d, err := document.Decode(text); err == nil && d.Encoding == "" {
		w.put(w.edited(text, document.Member{Name: "shared_secret", Value: freshSecret()}))
	}
}

// moment is how long from now a reader asks: often just when something changes.
func (w *walk) moment() time.Duration {
	var moments []time.Duration
	if d, err := document.Decode(w.current().Document); err == nil {
		for _, k := range append([]document.Key{d.Key}, d.Previous...) {
			for _, at := range []time.Time{k.SignAfter, k.NotAfter} {
				if !at.IsZero() {
					moments = append(moments, time.Until(at), time.Until(at)-time.Microsecond)
				}
			}
		}
	}
	moments = append(moments, 0, 0, 0, grace, grace-time.Microsecond)
	return moments[w.random.IntN(len(moments))]
}
