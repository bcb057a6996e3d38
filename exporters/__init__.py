"""Write frozen versions in the formats that readers accept, one file each."""
