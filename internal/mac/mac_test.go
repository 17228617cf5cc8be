package mac

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

// The test cases of RFC 4231 section 4 for HMAC-SHA-256.
var rfc4231 = []struct{ name, key, data, tag string }{
	{"4.2", strings.Repeat("0b", 20), hex.EncodeToString([]byte("Hi There")), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
	{"4.3 short key", hex.EncodeToString([]byte("Jefe")), hex.EncodeToString([]byte("what do ya want for nothing?")), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
	{"4.4", strings.Repeat("aa", 20), strings.Repeat("dd", 50), "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
	{"4.5", "0102030405060708090a0b0c0d0e0f10111213141516171819", strings.Repeat("cd", 50), "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
	{"4.6 truncated", strings.Repeat("0c", 20), hex.EncodeToString([]byte("Test With Truncation")), "a3b6167473100ee06e0c796c2955552b"},
	{"4.7 key over the block size", strings.Repeat("aa", 131), hex.EncodeToString([]byte("Test Using Larger Than Block-Size Key - Hash Key First")), "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
	{"4.8 both over the block size", strings.Repeat("aa", 131), hex.EncodeToString([]byte("This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm.")), "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
}

func TestSumRFC4231(t *testing.T) {
	for _, tc := range rfc4231 {
		t.Run(tc.name, func(t *testing.T) {
			key, data := unhex(t, tc.key), unhex(t, tc.data)
			for name, k := range bothWays(key) {
				var tag [Size]byte
				k.Sum(&tag, data)
				if got := hex.EncodeToString(tag[:])[:len(tc.tag)]; got != tc.tag {
					t.Errorf("%s: tag = %s, want %s", name, got, tc.tag)
				}
			}
		})
	}
}

// bothWays returns the key with precomputed state and as crypto/hmac uses it.
func bothWays(secret []byte) map[string]way {
	prepared, kept := prepare(secret), keep(secret)
	return map[string]way{"prepared": {prepared.sumPrepared}, "standard": {kept.sumStandard}}
}

type way struct {
	sum func(tag *[Size]byte, parts [][]byte)
}

func (w way) Sum(tag *[Size]byte, parts ...[]byte) { w.sum(tag, parts) }

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestPrecomputedStateIsInUse(t *testing.T) {
	if strings.Contains(os.Getenv("GODEBUG"), "fips140=") {
		t.Skip("GODEBUG asks for FIPS mode, which uses crypto/hmac")
	}
	if !precomputed {
		t.Error("the self-test failed: crypto/sha256 has changed its marshaled state")
	}
}

func TestFIPSModeUsesCryptoHMAC(t *testing.T) {
	if precomputed {
		cmd := exec.Command(os.Args[0], "-test.run=^TestFIPSModeUsesCryptoHMAC$", "-test.v")
		cmd.Env = append(os.Environ(), "GODEBUG=fips140=on")
		out, err := cmd.CombinedOutput()
		if err != nil || !bytes.Contains(out, []byte("in FIPS mode")) {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	t.Log("in FIPS mode")
	secret, message := random(t, 32), random(t, 100)
	k := NewKey(secret)
	if k != keep(secret) {
		t.Fatal("the precomputed state is in use in FIPS mode")
	}
	var tag [Size]byte
	k.Sum(&tag, message)
	if !bytes.Equal(tag[:], reference(secret, message)) {
		t.Error("tag differs from crypto/hmac's")
	}
}

func TestSumOfPartsIsSumOfWhole(t *testing.T) {
	secret, message := random(t, 48), random(t, 300)
	want := reference(secret, message)
	for name, k := range bothWays(secret) {
		for cut := range message {
			var tag [Size]byte
			k.Sum(&tag, message[:cut], nil, message[cut:])
			if !bytes.Equal(tag[:], want) {
				t.Fatalf("%s: cut at %d: tag differs", name, cut)
			}
		}
	}
}

func TestNewKeyKeepsNoReference(t *testing.T) {
	secret, message := random(t, 32), random(t, 32)
	want := reference(secret, message)
	k := NewKey(secret)
	clear(secret)
	var tag [Size]byte
	k.Sum(&tag, message)
	if !bytes.Equal(tag[:], want) {
		t.Error("the key changed with the slice it was made from")
	}
}

func TestSumConcurrently(t *testing.T) {
	secret, message := random(t, 32), random(t, 1024)
	want := reference(secret, message)
	k := NewKey(secret)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				var tag [Size]byte
				if k.Sum(&tag, message); !bytes.Equal(tag[:], want) {
					t.Error("tag differs")
					return
				}
			}
		})
	}
	wg.Wait()
}

func FuzzSum(f *testing.F) {
	f.Add([]byte("a key of 32 bytes, or thereabout"), []byte("message"), 3)
	f.Add([]byte{}, []byte{}, 0)
	f.Fuzz(func(t *testing.T, secret, message []byte, cut int) {
		cut = min(max(cut, 0), len(message))
		want := reference(secret, message)
		k := NewKey(secret)
		var tag [Size]byte
		if k.Sum(&tag, message[:cut], message[cut:]); !bytes.Equal(tag[:], want) {
			t.Errorf("tag = %x, want %x", tag, want)
		}
	})
}

func reference(secret, message []byte) []byte {
	h := hmac.New(sha256.New, secret)
	h.Write(message)
	return h.Sum(nil)
}

func random(t *testing.T, n int) []byte {
	t.Helper()
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}
