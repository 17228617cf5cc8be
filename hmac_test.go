package tenantsecrets_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/formbridge/tenantsecrets"
)

// tagOf is HMAC-SHA256 as the standard library has it.
func tagOf(key string, message ...string) []byte {
	h := hmac.New(sha256.New, []byte(key))
	h.Write([]byte(strings.Join(message, "")))
	return h.Sum(nil)
}

func newSecrets(n int) []string {
	secrets := make([]string, n)
	for i := range secrets {
		secrets[i] = rand.Text() + rand.Text()
	}
	return secrets
}

func keyringOf(t testing.TB, secrets ...string) tenantsecrets.Keyring {
	t.Helper()
	var values []tenantsecrets.Value
	for _, s := range secrets {
		values = append(values, tenantsecrets.NewValue(s))
	}
	k, err := tenantsecrets.NewKeyring(values...)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// checkOutcome tells ErrSignature alone from ErrMismatch, which is one.
func checkOutcome(t testing.TB, what string, err, want error) {
	t.Helper()
	outcome := [3]bool{
		errors.Is(err, tenantsecrets.ErrSignature), errors.Is(err, tenantsecrets.ErrMismatch), errors.Is(err, tenantsecrets.ErrNoKey),
	}
	wanted := [3]bool{
		errors.Is(want, tenantsecrets.ErrSignature), errors.Is(want, tenantsecrets.ErrMismatch), errors.Is(want, tenantsecrets.ErrNoKey),
	}
	if outcome != wanted || (err == nil) != (want == nil) {
		t.Errorf("%s: the error is %v, not %v", what, err, want)
	}
}

func TestKeySizes(t *testing.T) {
	for _, tt := range []struct {
		what, secret string
		valid        bool
	}{
		{"none", "", false},
		{"1 byte", "k", false},
		{"15 bytes", rand.Text()[:15], false},
		{"16 bytes", rand.Text()[:16], true},
		{"64 bytes", strings.Repeat("0123456789abcdef", 4), true},
		{"65 bytes", strings.Repeat("0123456789abcdef", 4) + "0", true},
		{"128 bytes", strings.Repeat("0123456789abcdef", 8), true},
		{"129 bytes", strings.Repeat("0123456789abcdef", 8) + "0", false},
		{"1 megabyte", strings.Repeat("0123456789abcdef", 1<<16), false},
		{"the text that is printed in its place", tenantsecrets.Value{}.String(), false},
		{"bytes that are no text", string(bytes.Repeat([]byte{0xff, 0}, 16)), true},
	} {
		t.Run(tt.what, func(t *testing.T) {
			k, err := tenantsecrets.NewKeyring(tenantsecrets.NewValue(newSecrets(1)[0]), tenantsecrets.NewValue(tt.secret))
			if !tt.valid {
				if !errors.Is(err, tenantsecrets.ErrInvalidKey) {
					t.Errorf("NewKeyring returns %v", err)
				}
				_, err := tenantsecrets.SignHMAC(k, nil)
				checkOutcome(t, "the keyring beside an error", err, tenantsecrets.ErrNoKey)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			kid, newest, err := k.Match([][]byte{tagOf(tt.secret, "message")}, []byte("message"))
			if err != nil || kid != "1" || newest {
				t.Errorf("Match is %q, %v, %v", kid, newest, err)
			}
		})
	}
	_, err := tenantsecrets.NewKeyring(tenantsecrets.Value{})
	if !errors.Is(err, tenantsecrets.ErrInvalidKey) {
		t.Errorf("the zero Value as a key: %v", err)
	}
	_, err = tenantsecrets.NewKeyring(tenantsecrets.NewValue(tenantsecrets.Value{}.String()))
	if err == nil || !strings.Contains(err.Error(), "in place of a secret") {
		t.Errorf("the redaction as a key: %v", err)
	}
}

func TestKeyringWithoutKeys(t *testing.T) {
	for what, k := range map[string]tenantsecrets.Keyring{"the zero Keyring": {}, "NewKeyring()": keyringOf(t)} {
		signature, err := tenantsecrets.SignHMAC(k, []byte("message"))
		checkOutcome(t, what+" signs", err, tenantsecrets.ErrNoKey)
		tags, err := k.MACs([]byte("message"))
		checkOutcome(t, what+" makes tags", err, tenantsecrets.ErrNoKey)
		kid, newest, err := k.Match([][]byte{tagOf("", "message"), nil}, []byte("message"))
		checkOutcome(t, what+" matches", err, tenantsecrets.ErrNoKey)
		if signature != "" || tags != nil || kid != "" || newest {
			t.Errorf("%s returns something beside its error", what)
		}
		for _, key := range []string{"", strings.Repeat("\x00", sha256.BlockSize)} {
			err = tenantsecrets.VerifyHMAC(k, []byte("message"), hex.EncodeToString(tagOf(key, "message")))
			checkOutcome(t, what+" verifies", err, tenantsecrets.ErrNoKey)
		}
	}
}

func TestInterop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		secret := string(rapid.SliceOfN(rapid.Byte(), 16, 128).Draw(t, "key"))
		message := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "message")
		k, err := tenantsecrets.NewKeyring(tenantsecrets.NewValue(secret))
		if err != nil {
			t.Fatal(err)
		}
		want := tagOf(secret, string(message))

		signature, err := tenantsecrets.SignHMAC(k, message)
		if err != nil || signature != hex.EncodeToString(want) {
			t.Fatalf("SignHMAC departs from crypto/hmac, %v", err)
		}
		cut := rapid.IntRange(0, len(message)).Draw(t, "cut")
		tags, err := k.MACs(message[:cut], nil, message[cut:])
		if err != nil || len(tags) != 1 || !bytes.Equal(tags[0], want) {
			t.Fatalf("MACs departs from crypto/hmac, %v", err)
		}
		for _, text := range []string{signature, "sha256=" + signature, base64.StdEncoding.EncodeToString(want)} {
			if err := tenantsecrets.VerifyHMAC(k, message, text); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestOneBitSpoilsASignature(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		secret := rapid.SliceOfN(rapid.Byte(), 16, 128).Draw(t, "key")
		message := rapid.SliceOfN(rapid.Byte(), 1, 100).Draw(t, "message")
		verify := func(secret, message []byte, signature string) error {
			k, err := tenantsecrets.NewKeyring(tenantsecrets.NewValue(string(secret)))
			if err != nil {
				t.Fatal(err)
			}
			return tenantsecrets.VerifyHMAC(k, message, signature)
		}
		tag := tagOf(string(secret), string(message))
		for _, signature := range []string{
			hex.EncodeToString(tag), "sha256=" + hex.EncodeToString(tag), base64.StdEncoding.EncodeToString(tag),
		} {
			if err := verify(secret, message, signature); err != nil {
				t.Fatal(err)
			}
			for what, err := range map[string]error{
				"signature": verify(secret, message, string(flipped(t, []byte(signature)))),
				"message":   verify(secret, flipped(t, message), signature),
				"key":       verify(flipped(t, secret), message, signature),
			} {
				if !errors.Is(err, tenantsecrets.ErrSignature) {
					t.Fatalf("with one other bit in the %s the error is %v", what, err)
				}
			}
		}
	})
}

func flipped(t *rapid.T, b []byte) []byte {
	bit := rapid.IntRange(0, 8*len(b)-1).Draw(t, "bit")
	b = bytes.Clone(b)
	b[bit/8] ^= 1 << (bit % 8)
	return b
}

func TestMatch(t *testing.T) {
	secrets := newSecrets(3)
	k := keyringOf(t, secrets...)
	message := []byte("one two three")
	newest, middle, oldest := tagOf(secrets[0], string(message)), tagOf(secrets[1], string(message)), tagOf(secrets[2], string(message))
	foreign := tagOf(newSecrets(1)[0], string(message))

	for _, tt := range []struct {
		what   string
		tags   [][]byte
		kid    string
		newest bool
		err    error
	}{
		{"the newest key's", [][]byte{newest}, "0", true, nil},
		{"the middle key's", [][]byte{middle}, "1", false, nil},
		{"the oldest key's", [][]byte{oldest}, "2", false, nil},
		{"several, the newest key's last", [][]byte{oldest, middle, newest}, "0", true, nil},
		{"several, the newest key's first", [][]byte{newest, middle, oldest}, "0", true, nil},
		{"several of older keys", [][]byte{oldest, middle}, "1", false, nil},
		{"one among foreign ones", [][]byte{foreign, oldest, foreign}, "2", false, nil},
		{"one among what is no tag", [][]byte{nil, {}, newest[:31], middle, append(slices.Clone(newest), 0)}, "1", false, nil},
		{"twice the same", [][]byte{middle, middle}, "1", false, nil},
		{"a foreign one", [][]byte{foreign}, "", false, tenantsecrets.ErrMismatch},
		{"a foreign one among what is no tag", [][]byte{nil, foreign, newest[:16]}, "", false, tenantsecrets.ErrMismatch},
		{"none", nil, "", false, tenantsecrets.ErrSignature},
		{"an empty one", [][]byte{nil, {}}, "", false, tenantsecrets.ErrSignature},
		{"31 bytes of one", [][]byte{newest[:31]}, "", false, tenantsecrets.ErrSignature},
		{"33 bytes", [][]byte{append(slices.Clone(newest), 0)}, "", false, tenantsecrets.ErrSignature},
		{"64 bytes", [][]byte{slices.Concat(newest, newest)}, "", false, tenantsecrets.ErrSignature},
		{"one as hex", [][]byte{[]byte(hex.EncodeToString(newest))}, "", false, tenantsecrets.ErrSignature},
	} {
		t.Run(tt.what, func(t *testing.T) {
			for _, parts := range [][][]byte{
				{message}, {message[:4], message[4:]}, {nil, message[:1], {}, message[1:], nil}, bytes.SplitAfter(message, nil),
			} {
				kid, newest, err := k.Match(tt.tags, parts...)
				checkOutcome(t, strconv.Itoa(len(parts))+" parts", err, tt.err)
				if kid != tt.kid || newest != tt.newest {
					t.Errorf("%d parts: the key is %q, newest: %v", len(parts), kid, newest)
				}
			}
		})
	}
}

func TestMatchWithoutMessage(t *testing.T) {
	secrets := newSecrets(1)
	k := keyringOf(t, secrets...)
	for what, parts := range map[string][][]byte{"no parts": nil, "nil": {nil}, "empty parts": {{}, {}}} {
		if _, _, err := k.Match([][]byte{tagOf(secrets[0])}, parts...); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestMACs(t *testing.T) {
	secrets := newSecrets(3)
	tags, err := keyringOf(t, secrets...).MACs([]byte("one "), []byte("two"))
	if err != nil || len(tags) != len(secrets) {
		t.Fatalf("MACs has %d tags, %v", len(tags), err)
	}
	for i, secret := range secrets {
		if !bytes.Equal(tags[i], tagOf(secret, "one two")) {
			t.Errorf("tag %d is not key %d's", i, i)
		}
	}
	tags[0][0]++ // the caller's own
	again, _ := keyringOf(t, secrets...).MACs([]byte("one two"))
	if !bytes.Equal(again[0], tagOf(secrets[0], "one two")) {
		t.Error("a caller can change what others get")
	}
}

func TestEightKeysAreTried(t *testing.T) {
	secrets := newSecrets(10)
	k := keyringOf(t, secrets...)
	for i, secret := range secrets {
		kid, newest, err := k.Match([][]byte{tagOf(secret, "message")}, []byte("message"))
		if i >= 8 {
			checkOutcome(t, "a key beyond the eighth", err, tenantsecrets.ErrMismatch)
			continue
		}
		if err != nil || kid != strconv.Itoa(i) || newest != (i == 0) {
			t.Errorf("key %d: Match is %q, %v, %v", i, kid, newest, err)
		}
	}
	if tags, err := k.MACs([]byte("message")); err != nil || len(tags) != 8 {
		t.Errorf("MACs has %d tags, %v", len(tags), err)
	}
}

// The same key twice is one that matches, and it is the newest.
func TestKeyTwice(t *testing.T) {
	secret := newSecrets(1)[0]
	kid, newest, err := keyringOf(t, secret, secret).Match([][]byte{tagOf(secret, "message")}, []byte("message"))
	if err != nil || kid != "0" || !newest {
		t.Errorf("Match is %q, %v, %v", kid, newest, err)
	}
}

func TestKeyringIsShared(t *testing.T) {
	secrets := newSecrets(2)
	k := keyringOf(t, secrets...)
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := range 100 {
				message := strconv.Itoa(1000*worker + i)
				if err := tenantsecrets.VerifyHMAC(k, []byte(message), hex.EncodeToString(tagOf(secrets[1], message))); err != nil {
					t.Error(err)
				}
				signature, err := tenantsecrets.SignHMAC(k, []byte(message))
				if err != nil || signature != hex.EncodeToString(tagOf(secrets[0], message)) {
					t.Error("SignHMAC departs from crypto/hmac", err)
				}
				if _, err := k.MACs([]byte(message)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}
