package topology

// Fault notes what is wrong with something that is built on this package. Build
// reports it with the rest. A nil error is nothing.
func (b *Builder) Fault(err error) {
	if err != nil {
		b.fault("%w", err)
	}
}
