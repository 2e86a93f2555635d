// What the skin's templates call by name, for the Alpine that evaluates no code and knows no globals.
document.addEventListener("alpine:init", () => {
    for (const part of [theme, searchForm]) {
        Alpine.data(part.name, part);
    }

    Alpine.data("panel", (firstTab) => ({
        activeTab: getCurrentTab() || firstTab,
        sidebarMobileOpen: false,
        sidebarDesktopOpen: Alpine.$persist(true).as("sidebarDesktopOpen"),
        // A form that is sent comes back to the address that it was on, tab and all.
        window: { location: { pathname: window.location.pathname, search: window.location.search } },
    }));

    Alpine.data("navigationSearch", () => ({
        openSearchResults: false,
        currentIndex: 0,
        found() {
            return document.querySelectorAll("#search-results a");
        },
        shortcut(event) {
            const typing = document.activeElement.closest("input, textarea, select, [contenteditable]");
            if (event.key === "t" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
                event.preventDefault();
                this.$refs.searchInput.focus();
            }
        },
        start() {
            this.openSearchResults = true;
            this.currentIndex = 0;
        },
        next() {
            this.currentIndex = Math.min(this.currentIndex + 1, this.found().length);
        },
        previous() {
            this.currentIndex = Math.max(this.currentIndex - 1, 1);
        },
        follow() {
            this.found()[Math.max(this.currentIndex - 1, 0)]?.click();
        },
        leave() {
            this.openSearchResults = false;
            this.$refs.searchInput.value = "";
            this.$refs.searchInput.blur();
        },
    }));
});
