package main

import (
	"fmt"
	"regexp"
	"strings"
)

// accounts is what the -account flags say.
type accounts struct {
	fallback string            // of access keys that are not in byKey; empty: the default
	byKey    map[string]string // by the id of the access key
}

var accountPattern = regexp.MustCompile(`^[0-9]{12}$`)

// add reads one flag: ACCOUNT or ACCESSKEY=ACCOUNT.
func (a *accounts) add(text string) error {
	key, account, keyed := strings.Cut(text, "=")
	if !keyed {
		key, account = "", text
	}
	if keyed && (key == "" || strings.Contains(key, "/")) {
		return fmt.Errorf("%q is no access key ID; give ACCESSKEY=ACCOUNT", key)
	}
	if !accountPattern.MatchString(account) {
		return fmt.Errorf("%q is no account; give twelve digits, or ACCESSKEY and twelve digits with = between", account)
	}
	if before := a.of(key); before != "" && before != account {
		return fmt.Errorf("given before with account %s; give each access key one account", before)
	}
	a.set(key, account)
	return nil
}

// of is the account given for an access key, or for those without if key is empty.
func (a *accounts) of(key string) string {
	if key == "" {
		return a.fallback
	}
	return a.byKey[key]
}

func (a *accounts) set(key, account string) {
	if key == "" {
		a.fallback = account
		return
	}
	if a.byKey == nil {
		a.byKey = make(map[string]string)
	}
	a.byKey[key] = account
}
