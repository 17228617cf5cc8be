package integration

import (
	"testing"
	"time"

	"github.com/formbridge/tenantsecrets/internal/document"
)

// chainVectors are of documents that the library wrote.
func chainVectors(t *testing.T) (vectors []ringVector) {
	for _, script := range []func(c *chain){
		rotationChain, frequentChain, farApartChain, revocationChain, revokeAllChain, rollbackChain, deadRollbackChain,
		foreignChain, editedChain, revokedAndForeignChain, movedChain, suspendedChain, malformedChain, drivenChain,
	} {
		vectors = append(vectors, inChain(t, func(c *chain) {
			script(c)
			c.numbered()
		})...)
	}
	return vectors
}

func rotationChain(c *chain) {
	c.tell("a tenant's first document", 0)
	c.rotate()
	c.tell("rotation: just written, the older key signs", 0)
	c.tell("rotation: a microsecond before the handover ends", handover-time.Microsecond)
	c.tell("rotation: at the end of the handover the new key signs", handover)
	c.tell("rotation: a microsecond before the grace ends", handover+grace-time.Microsecond)
	c.tell("rotation: at the end of the grace the older key is gone", handover+grace)
}

func frequentChain(c *chain) {
	for range 7 {
		c.rotate()
		time.Sleep(time.Minute)
	}
	c.tell("seven rotations in as many minutes: the first key signs, the eighth in the ring", 0)
	c.tell("seven rotations in as many minutes: the third of them signs", handover-4*time.Minute-30*time.Second)
	c.tell("seven rotations in as many minutes: a day later two keys are left", handover+grace-time.Minute-30*time.Second)
}

func farApartChain(c *chain) {
	for range 3 {
		c.rotate()
		time.Sleep(20 * time.Hour)
	}
	c.tell("rotations 20 h apart: one key has ended", 0)
}

func revocationChain(c *chain) {
	first := c.current().ID
	second := c.rotate()
	c.revoke(first)
	c.tell("the key that signs revoked in the handover: the newer one signs at once", 0)
	c.revoke(second)
	c.tell("the only key revoked: another takes its place", 0)
	third := c.current().ID
	fourth := c.rotate()
	time.Sleep(time.Minute)
	c.revoke(fourth)
	c.tell("the newest key revoked in the handover: a third signs later", 0)
	c.tell("the newest key revoked in the handover: the third signs now", handover)
	c.revoke(third)
	c.tell("four keys revoked one after the other: a fifth signs", 0)
}

func revokeAllChain(c *chain) {
	c.rotate()
	time.Sleep(handover)
	c.rotate()
	time.Sleep(time.Minute)
	c.done(c.rotator.RevokeAll(c.Context(), chainTenant))
	c.tell("all keys revoked: one that is new", 0)
}

func rollbackChain(c *chain) {
	first := c.current().ID
	c.rotate()
	time.Sleep(handover + time.Hour)
	c.rollback(first)
	c.tell("rolled back to a key that is live: it signs at once", 0)
	c.tell("rolled back to a key that is live: it stays", 100*24*time.Hour)
}

func deadRollbackChain(c *chain) {
	first := c.current().ID
	c.rotate()
	time.Sleep(handover + grace)
	c.rollback(first)
	c.tell("rolled back to a key that had ended: it signs after a handover", 0)
	c.tell("rolled back to a key that had ended: it signs", handover)
}

func foreignChain(c *chain) {
	c.rotate()
	time.Sleep(handover)
	c.put(byPython(chainTenant))
	c.tell("another program wrote after a rotation: three keys", 0)
	c.tell("another program wrote after a rotation: a microsecond before 24 h", grace-time.Microsecond)
	c.tell("another program wrote after a rotation: after 24 h its own key alone", grace)
	time.Sleep(time.Hour)
	c.rotate()
	c.tell("rotated after another program wrote: four keys", 0)
	c.put(byPython(chainTenant))
	c.put(byPython(chainTenant))
	c.tell("another program wrote twice: the version before is its own", 0)
}

func editedChain(c *chain) {
	first := c.current()
	c.put(c.edited(first.Document, document.Member{Name: "shared_secret", Value: freshSecret()}))
	c.tell("the secret alone changed by hand: the kid stays with the key that it was", 0)
	c.rotate()
	c.tell("the secret alone changed by hand, then a rotation", 0)
	c.revoke(first.ID)
	c.tell("the secret alone changed by hand, a rotation, and the first key revoked", 0)
}

func revokedAndForeignChain(c *chain) {
	before := c.current()
	c.revoke(before.ID)
	c.put(before.Document)
	c.tell("a revoked document put back by hand: its key stays revoked", 0)
	c.rotate()
	c.tell("a revoked document put back by hand, then a rotation", 0)
}

func movedChain(c *chain) {
	first := c.current().ID
	second := c.rotate()
	time.Sleep(2 * time.Hour)
	c.move(first)
	c.tell("AWSCURRENT moved back by hand: the first key signs, the second verifies", 0)
	c.tell("AWSCURRENT moved back by hand: the second for 24 h", grace)
	c.move(second)
	c.tell("AWSCURRENT moved back and forth: as after the rotation", 0)
	c.move(first)
	c.rotate()
	c.tell("rotated after AWSCURRENT was moved back: three keys", 0)
}

func suspendedChain(c *chain) {
	c.rotate()
	active := c.current().Document
	c.put(c.edited(active, document.Member{Name: "state", Value: "suspended"}))
	c.tell("suspended", 0)
	c.put(c.edited(active, document.Member{Name: "state", Value: "active"}))
	c.tell("suspended and active again", 0)
}

func malformedChain(c *chain) {
	c.put(`{"shared_secret": "`)
	c.tell("another program wrote half a document", 0)
	c.put(byPython(chainTenant))
	c.tell("half a document is the version before: it gives no key", 0)
	c.put(byPython("t_abc124"))
	c.tell("another tenant's document was written", 0)
	c.put(byPython(chainTenant))
	c.tell("another tenant's document is the version before: it gives no key", 0)
	c.rotate()
	c.tell("rotated after all that", 0)
}

func drivenChain(c *chain) {
	if err := c.drive(); err != nil {
		c.Fatal(err)
	}
	c.tell("a rotation that AWS drives: the older key signs", 0)
	c.tell("a rotation that AWS drives: its handover is 15 min longer", handover+14*time.Minute)
	c.tell("a rotation that AWS drives: the new key signs", handover+15*time.Minute)
}
