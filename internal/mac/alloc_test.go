//go:build !race

package mac

import "testing"

// The race detector allocates on its own, so this is measured without it.
func TestSumDoesNotAllocate(t *testing.T) {
	if !precomputed {
		t.Skip("crypto/hmac, which FIPS mode uses, allocates")
	}
	k, message := NewKey(random(t, 32)), random(t, 1024)
	var tag [Size]byte
	if n := testing.AllocsPerRun(100, func() { k.Sum(&tag, message[:10], message[10:]) }); n != 0 {
		t.Errorf("Sum allocates %v times", n)
	}
}
