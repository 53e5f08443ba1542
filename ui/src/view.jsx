// Draws the Dashboard Studio view of the page, with Splunk's own renderer, data sources, inputs and drill-downs.
import React from 'react';
import { createRoot } from 'react-dom/client';
import SplunkThemeProvider from '@splunk/themes/SplunkThemeProvider';
import { DashboardContextProvider } from '@splunk/dashboard-context';
import { DashboardCore } from '@splunk/dashboard-core';
import { mapTokensToURL, mapURLToTokens } from '@splunk/dashboard-utils';
import EnterprisePreset from '@splunk/dashboard-presets/EnterprisePreset';

const { definition, theme } = JSON.parse(document.getElementById('view').textContent);

// A view's tokens stand in its address, as form.<token>: so it is opened by a link, and found again.
const keep = (tokens) => {
    const search = mapTokensToURL({ search: window.location.search, tokens });
    window.history.replaceState(null, '', `${window.location.pathname}?${search}`);
};

createRoot(document.getElementById('root')).render(
    <SplunkThemeProvider family="enterprise" colorScheme={theme} density="comfortable">
        <DashboardContextProvider
            preset={EnterprisePreset}
            initialDefinition={definition}
            initialTokenBinding={mapURLToTokens({ search: window.location.search })}
            onTokenBindingChange={keep}
            featureFlags={{ enableSmartSourceDS: true }}
        >
            <DashboardCore width="100%" height="100%" />
        </DashboardContextProvider>
    </SplunkThemeProvider>
);
