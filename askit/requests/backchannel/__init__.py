"""The authentication request of CIBA: read plainly or from a signed JWT, checked member by member."""
