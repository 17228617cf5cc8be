package writer

import "errors"

// ErrRotationInProgress means that AWSPENDING is on a version that is not current. Those
// who write hand it on under their own name.
var ErrRotationInProgress = errors.New("AWSPENDING is on another version than the current one: let that rotation end, or take the label off where it has failed")
