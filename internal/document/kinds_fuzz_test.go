package document

import "testing"

// FuzzDecodeKinds gives one text to the decoders of all kinds. What one of them reads can
// be written, is then read as it was, and can be replaced by any other value of the kind.
func FuzzDecodeKinds(f *testing.F) {
	seeds := seedsOf(apiKeyKind, apiKeysAccepted, apiKeysRefused)
	seeds = append(seeds, seedsOf(oauthKind, oauthAccepted, oauthRefused)...)
	seeds = append(seeds, seedsOf(databaseKind, databasesAccepted, databasesRefused)...)
	seeds = append(seeds, seedsOf(keysetKind, keysetsAccepted, keysetsRefused)...)
	if len(seeds) == 0 {
		f.Fatal("there is nothing to begin with")
	}
	for _, text := range seeds {
		f.Add(text)
	}
	const marker = "AAAABBBBCCCCDDDDEEEEFFFF"
	key := client()(marker)
	key.Scopes, key.Generation = []string{"a"}, 1
	f.Fuzz(func(t *testing.T, text string) {
		fuzzKind(t, text, apiKeyKind, APIKey{Key: marker, Header: "X", Scheme: "Bearer", Previous: []PreviousAPIKey{{Key: "k"}}})
		fuzzKind(t, text, oauthKind, key)
		fuzzKind(t, text, databaseKind, login(on("mysql", 1, "d"), ssl(false), master, instance)(marker))
		fuzzKind(t, text, keysetKind, Keyset{"k1", []DataKey{one(marker), {KID: "k0", Status: KeyDestroyed}}})
	})
}

func seedsOf[T any](k kindOf[T], good []form[T], bad []refusal) (seeds []string) {
	for _, f := range good {
		seeds = append(seeds, k.least.text("AAAABBBBCCCCDDDDEEEEFFFF", f.edits...))
	}
	for _, f := range bad {
		seeds = append(seeds, k.least.text("AAAABBBBCCCCDDDDEEEEFFFF", f.edits...))
	}
	return seeds
}

func fuzzKind[T any](t *testing.T, text string, k kindOf[T], other T) {
	value, err := k.decode(text)
	if err != nil {
		checkVocabulary(t, err)
		return
	}
	known, err := k.encode(value)
	if err != nil { // what AWS writes shorter is too much
		checkVocabulary(t, err)
		if len(text) < MaxLength/2 {
			t.Fatal("what was read cannot be written")
		}
		return
	}
	k.checkRoundTrip(t, value)
	if same, err := Merge(text, known, known); err != nil || !k.reads(same, value) {
		t.Errorf("with itself put into it, it is read as another value (%v)", err)
	}
	next, err := k.encode(other)
	if err != nil {
		t.Fatal(err)
	}
	switch changed, err := Merge(text, known, next); {
	case err != nil && len(text)+len(next) < MaxLength:
		t.Errorf("no other value can be put into it: %v", err)
	case err == nil && !k.reads(changed, other):
		t.Error("another value that was put into it is not read")
	}
}

func (k kindOf[T]) reads(text string, want T) bool {
	got, err := k.decode(text)
	return err == nil && k.same(got, want)
}
