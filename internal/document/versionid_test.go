package document

import (
	"regexp"
	"testing"
)

// Two releases of this library that write at the same time must choose the same id: it
// is pinned. Computed with Python: uuid.UUID(bytes=sha256(purpose + b"\0" +
// b"\0".join(parts)).digest()[:16]), with the version and variant set.
func TestVersionIDIsPinned(t *testing.T) {
	const arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:prod/formbridge/t_abc123/hmac_key-AbCdEf"
	for attempt, want := range map[string]string{
		"0": "5c1b04b5-a082-8ef0-bb4f-06230c1ba891",
		"1": "8d1787a5-e2d9-8795-be59-08783f1655a6",
	} {
		if got := VersionID("tenantsecrets write", arn, "00000000-0000-4000-8000-000000000001", attempt); got != want {
			t.Errorf("attempt %s: %s, want %s", attempt, got, want)
		}
	}
	if got, want := VersionID("nothing"), "acc99bcc-4067-8e46-aacb-1875fc2489e1"; got != want {
		t.Errorf("without parts: %s, want %s", got, want)
	}
}

var (
	ownUUID    = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	randomUUID = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
)

// Secrets Manager takes 32 to 64 characters; a UUID has 36.
func TestVersionIDsAreUUIDs(t *testing.T) {
	seen := map[string]bool{}
	for range 500 { // the version and variant bits would be right by chance in 1 of 64
		if id := VersionID("purpose", random(t, 8)); !ownUUID.MatchString(id) || seen[id] {
			t.Fatalf("%s is no new UUID of version 8", id)
		} else {
			seen[id] = true
		}
		if id := RandomVersionID(); !randomUUID.MatchString(id) || seen[id] {
			t.Fatalf("%s is no new UUID of version 4", id)
		} else {
			seen[id] = true
		}
	}
}

func TestVersionIDIsOfAllItIsGiven(t *testing.T) {
	seen := map[string][]string{}
	for _, of := range [][]string{
		{"write", "a", "b", "0"},
		{"write", "a", "b", "1"},
		{"write", "a", "c", "0"},
		{"write", "c", "b", "0"},
		{"read", "a", "b", "0"},
		{"write", "ab", "0"},
		{"write", "a", "b0"},
		{"write", "ab0"},
		{"write", "b", "a", "0"},
		{"writea", "b", "0"},
		{"write", "", "a", "b", "0"},
	} {
		id := VersionID(of[0], of[1:]...)
		if other, taken := seen[id]; taken {
			t.Errorf("%q and %q have one id", of, other)
		}
		seen[id] = of
		if VersionID(of[0], of[1:]...) != id {
			t.Errorf("%q has two ids", of)
		}
	}
}
